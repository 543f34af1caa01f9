-- Frees finished jobs, whoever holds them now: their rows are committed.
-- KEYS: 1 data, 2 leases, 3 owners, 4 attempts, 5 scheduled, 6 stats
-- ARGV: job ids
-- Answer: how many were freed; those already gone are not counted
local freed = 0
for _, id in ipairs(ARGV) do
  freed = freed + redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('HDEL', KEYS[4], id, 't:' .. id)
  redis.call('ZREM', KEYS[5], id)
end
if freed > 0 then redis.call('HINCRBY', KEYS[6], 'completed', freed) end
return freed
