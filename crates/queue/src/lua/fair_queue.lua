-- A line is the jobs of a lane that wait: a sorted set by turn. Every flow (a company) has its own
-- sequence of turns that begins behind the turn served last, so that flows take turns and a long one
-- delays only itself (start-time fair queueing). `flows` keeps the last turn of each flow, and under
-- 'v' the turn served last.
local function line(waiting, flows)
  return { waiting = waiting, flows = flows, turns = {}, added = {}, served = tonumber(redis.call('HGET', flows, 'v') or '0') }
end

-- Puts a job at the end of its flow; it stands there once the line is closed.
local function line_up(l, flow, id)
  local last = l.turns[flow] or tonumber(redis.call('HGET', l.flows, flow) or '0')
  l.turns[flow] = math.max(last, l.served) + 1
  -- By hand, since a number that is an argument is written as one with a fraction, which takes long.
  l.added[#l.added + 1] = string.format('%d', l.turns[flow])
  l.added[#l.added + 1] = id
end

-- Lines up what was given a turn, and keeps the turns.
local function line_close(l)
  if #l.added > 0 then redis.call('ZADD', l.waiting, unpack(l.added)) end
  for flow, turn in pairs(l.turns) do redis.call('HSET', l.flows, flow, turn) end
end

