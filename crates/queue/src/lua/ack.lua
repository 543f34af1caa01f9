-- Frees finished jobs, whichever worker holds them now: their rows are committed.
-- ARGV: 1 how many are remembered as recent, 2 how many of the ids are payments, 3.. ids, payments first
-- Answer: how many were freed; those already gone are not counted
local stamp = '|' .. wall_clock()
local any_tries = redis.call('HLEN', attempts) > 0
local split = 2 + tonumber(ARGV[2])

local function free(lane, first, last)
  if last < first then return 0 end
  local ids = { unpack(ARGV, first, last) }
  local freed = redis.call('HDEL', data, unpack(ids))
  local done = {}
  for at = 1, math.min(#ids, tonumber(ARGV[1])) do done[at] = ids[at] .. stamp end
  -- Most jobs succeed at once: nothing is kept of their attempts.
  if any_tries then
    for _, id in ipairs(ids) do forget_attempts(id) end
  end
  redis.call('HDEL', owners, unpack(ids))
  if redis.call('ZREM', lane.leases, unpack(ids)) < #ids then
    -- The acknowledgement is late: the job was taken over, and may be anywhere by now.
    redis.call('ZREM', lane.waiting, unpack(ids))
    redis.call('ZREM', lane.scheduled, unpack(ids))
    for _, id in ipairs(ids) do drop_dead(lane, id) end
  end
  if freed > 0 then
    redis.call('HINCRBY', stats, 'completed:' .. lane.name, freed)
    redis.call('LPUSH', recent, unpack(done))
    redis.call('LTRIM', recent, 0, ARGV[1] - 1)
    redis.call('EXPIRE', recent, 3600)
  end
  return freed
end

return free(lanes.p, 3, split) + free(lanes.o, split + 1, #ARGV)
