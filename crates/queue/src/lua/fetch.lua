-- Makes due retries and jobs of dead workers waiting again, then leases jobs to a worker.
-- ARGV: 1 how many at most, 2 lease (ms), 3 worker, 4 places kept for the others lane,
--       5 after how many take-overs a job is handed out alone, 6 how many it survives,
--       7 whether one that must be alone may be handed out (0|1)
-- Answer: ms until the next retry or lease is due (-1: none); per job id and record; per job failed attempts and
--         take-overs, nothing where no job of the shard has any
local p, o = lanes.p, lanes.o

-- Many looks find a shard empty. Nothing is written then: not to the file either.
if redis.call('EXISTS', p.waiting, p.scheduled, p.leases, o.waiting, o.scheduled, o.leases) == 0 then
  redis.call('DEL', p.flows, o.flows)
  redis.call('HDEL', stats, 'clock', 'ahead')
  return { -1, {}, {} }
end

local wall = wall_clock()
local now = steady_clock(wall)
-- As text at once: a number is turned into text again for each command that it goes to.
local leased_until = string.format('%d', now + ARGV[2])

for _, lane in pairs(lanes) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', lane.scheduled, '-inf', now, 'LIMIT', 0, 100)) do
    redis.call('ZREM', lane.scheduled, id)
    local record = redis.call('HGET', data, id)
    if record then to_end(lane, record, id) end
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', lane.leases, '-inf', now, 'LIMIT', 0, 100)) do
    redis.call('ZREM', lane.leases, id)
    redis.call('HDEL', owners, id)
    if redis.call('HEXISTS', data, id) == 1 then
      local takeovers = redis.call('HINCRBY', attempts, 't:' .. id, 1)
      if takeovers > tonumber(ARGV[6]) then
        local tries = tonumber(redis.call('HGET', attempts, id) or '0')
        dead_letter(lane, id, wall, 'its worker died or hung ' .. takeovers .. ' times', tries, '')
      else
        to_front(lane, id)
      end
    end
  end
end

local due, jobs, tried = -1, {}, {}
local any_tries = redis.call('HLEN', attempts) > 0
local function tries(name) return tonumber(redis.call('HGET', attempts, name) or '0') end
local function is_suspect(id) return tries('t:' .. id) >= tonumber(ARGV[5]) end
local function is_open(lane) return redis.call('HEXISTS', paused, lane.name) == 0 end

-- Leases jobs, given as ids and turns, all by one call of a kind.
local function hand_out(lane, ids, turns)
  if #ids == 0 then return 0 end
  local records, leases, holders, served = redis.call('HMGET', data, unpack(ids)), {}, {}, nil
  for at, id in ipairs(ids) do
    if records[at] then
      leases[#leases + 1] = leased_until
      leases[#leases + 1] = id
      holders[#holders + 1] = id
      holders[#holders + 1] = ARGV[3]
      served = turns[at]
      jobs[#jobs + 1] = id
      jobs[#jobs + 1] = records[at]
      if any_tries then
        tried[#tried + 1] = tries(id)
        tried[#tried + 1] = tries('t:' .. id)
      end
    end
  end
  if not served then return 0 end
  redis.call('ZADD', lane.leases, unpack(leases))
  redis.call('HSET', owners, unpack(holders))
  redis.call('HSET', lane.flows, 'v', served)
  return #leases / 2
end

local function take(lane, count)
  if count <= 0 or not is_open(lane) then return 0 end
  local popped, ids, turns = redis.call('ZPOPMIN', lane.waiting, count), {}, {}
  for at = 1, #popped, 2 do
    if any_tries and is_suspect(popped[at]) then
      redis.call('ZADD', lane.waiting, popped[at + 1], popped[at])
    else
      ids[#ids + 1] = popped[at]
      turns[#turns + 1] = popped[at + 1]
    end
  end
  return hand_out(lane, ids, turns)
end

-- What may kill its worker is handed out alone, so that it drags nobody along.
local function take_suspect()
  for _, lane in pairs(lanes) do
    local first = redis.call('ZRANGE', lane.waiting, 0, 0, 'WITHSCORES')
    if first[1] and is_open(lane) and is_suspect(first[1]) then
      redis.call('ZREM', lane.waiting, first[1])
      return hand_out(lane, { first[1] }, { first[2] })
    end
  end
  return 0
end

if redis.call('HEXISTS', paused, 'all') == 0 then
  if not (any_tries and ARGV[7] == '1' and take_suspect() == 1) then
    local free = tonumber(ARGV[1])
    free = free - take(o, math.min(tonumber(ARGV[4]), free))
    free = free - take(p, free)
    take(o, free)
  end
  for _, lane in pairs(lanes) do
    if redis.call('ZCARD', lane.waiting) == 0 then redis.call('DEL', lane.flows) end
  end
end

for _, lane in pairs(lanes) do
  for _, key in ipairs({ lane.scheduled, lane.leases }) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then
      local wait = math.max(0, tonumber(first[2]) - now)
      if due == -1 or wait < due then due = wait end
    end
  end
end
-- Nothing is timed any more: the clock may follow the server's again.
if due == -1 then redis.call('HDEL', stats, 'clock', 'ahead') end
return { due, jobs, tried }
