-- Makes dead letters wait again, their attempts again; the claim and the id stay theirs.
-- ARGV: 1 wake channel, 2.. job ids
-- Answer: how many wait again; ids that are no dead letters are passed over
local driven = 0
for at = 2, #ARGV do
  local id = ARGV[at]
  for _, lane in pairs(lanes) do
    local record = redis.call('HGET', data, id)
    if record and redis.call('ZREM', lane.dead, id) == 1 then
      redis.call('HDEL', info, id)
      forget_attempts(id)
      to_end(lane, record, id)
      driven = driven + 1
    end
  end
end
if driven > 0 then redis.call('PUBLISH', ARGV[1], '1') end
return driven
