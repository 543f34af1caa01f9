-- Makes dead letters wait again, their attempts anew; the claim and the id stay theirs.
-- KEYS: 1 data, 2 payments list, 3 others list, 4 dead, 5 dead info, 6 attempts
-- ARGV: 1 wake channel, 2.. job ids
-- Answer: how many wait again; ids that are no dead letters are passed over
local driven = 0
for at = 2, #ARGV do
  local id = ARGV[at]
  if redis.call('ZREM', KEYS[4], id) == 1 then
    redis.call('HDEL', KEYS[5], id)
    redis.call('HDEL', KEYS[6], id, 't:' .. id)
    local record = redis.call('HGET', KEYS[1], id)
    if record then
      redis.call('LPUSH', string.sub(record, 1, 1) == 'p' and KEYS[2] or KEYS[3], id)
      driven = driven + 1
    end
  end
end
if driven > 0 then redis.call('PUBLISH', ARGV[1], '1') end
return driven
