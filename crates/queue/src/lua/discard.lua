-- Drops dead letters and all that is kept of them.
-- KEYS: 1 data, 2 dead, 3 dead info, 4 attempts
-- ARGV: job ids
-- Answer: how many were dropped
local dropped = 0
for _, id in ipairs(ARGV) do
  if redis.call('ZREM', KEYS[2], id) == 1 then
    redis.call('HDEL', KEYS[3], id)
    redis.call('HDEL', KEYS[4], id, 't:' .. id)
    redis.call('HDEL', KEYS[1], id)
    dropped = dropped + 1
  end
end
return dropped
