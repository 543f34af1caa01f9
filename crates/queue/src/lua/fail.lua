-- Schedules failed jobs anew, or moves them to the dead letters after their last attempt.
-- KEYS: 1 data, 2 leases, 3 owners, 4 attempts, 5 scheduled, 6 dead, 7 dead info, 8 stats
-- ARGV: 1 worker, 2 attempts in all, then per job: id, delay before the next attempt (ms), error
-- Answer: how many died. A job that another worker holds by now is left to it.
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local died = 0
for at = 3, #ARGV, 3 do
  local id = ARGV[at]
  if redis.call('HGET', KEYS[3], id) == ARGV[1] then
    redis.call('ZREM', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
    local attempts = redis.call('HINCRBY', KEYS[4], id, 1)
    if attempts >= tonumber(ARGV[2]) then
      redis.call('HDEL', KEYS[4], id, 't:' .. id)
      redis.call('ZADD', KEYS[6], now, id)
      redis.call('HSET', KEYS[7], id, cjson.encode({ error = ARGV[at + 2], attempts = attempts, diedMs = now }))
      redis.call('HINCRBY', KEYS[8], 'failed', 1)
      died = died + 1
    else
      redis.call('ZADD', KEYS[5], now + tonumber(ARGV[at + 1]), id)
    end
  end
end
return died
