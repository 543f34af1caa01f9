-- Gives jobs back untouched, to the front of their lane.
-- KEYS: 1 data, 2 payments list, 3 others list, 4 leases, 5 owners
-- ARGV: 1 worker, 2 wake channel, 3.. job ids
-- Answer: how many were given back
local given = 0
for at = 3, #ARGV do
  local id = ARGV[at]
  if redis.call('HGET', KEYS[5], id) == ARGV[1] then
    redis.call('ZREM', KEYS[4], id)
    redis.call('HDEL', KEYS[5], id)
    local record = redis.call('HGET', KEYS[1], id)
    if record then
      redis.call('RPUSH', string.sub(record, 1, 1) == 'p' and KEYS[2] or KEYS[3], id)
      given = given + 1
    end
  end
end
if given > 0 then redis.call('PUBLISH', ARGV[2], '1') end
return given
