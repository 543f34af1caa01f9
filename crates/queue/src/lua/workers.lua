-- Keeps who lives.
-- KEYS: 1 workers (sorted set by the time until which their last heartbeat holds)
-- ARGV: 1 worker ('' for a look only), 2 how long this sign holds (ms; 0: it leaves)
-- Answer: how many live
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  if tonumber(ARGV[2]) > 0 then redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1]) end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  redis.call('EXPIRE', KEYS[1], 600)
end
return redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')
