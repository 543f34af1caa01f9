-- A line is the jobs of a lane that wait: a sorted set by turn. Every flow (a company) has its own
-- sequence of turns that begins behind the turn served last, so that flows take turns and a long one
-- delays only itself (start-time fair queueing). `flows` keeps the last turn of each flow, and under
-- 'v' the turn served last.
local function line(waiting, flows)
  return { waiting = waiting, flows = flows, turns = {}, served = tonumber(redis.call('HGET', flows, 'v') or '0') }
end

-- Puts a job at the end of its flow.
local function line_up(l, flow, id)
  local last = l.turns[flow] or tonumber(redis.call('HGET', l.flows, flow) or '0')
  l.turns[flow] = math.max(last, l.served) + 1
  redis.call('ZADD', l.waiting, l.turns[flow], id)
end

-- Keeps the turns that were given out.
local function line_close(l)
  for flow, turn in pairs(l.turns) do redis.call('HSET', l.flows, flow, turn) end
end

