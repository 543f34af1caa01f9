-- Gives a dead letter another record and makes it wait: what could not be interpreted can be now.
-- ARGV: 1 wake channel, 2 id, 3 lane it is to wait in, 4 record
-- Answer: 1, or 0 where it is no dead letter
local id = ARGV[2]
for _, lane in pairs(lanes) do
  if redis.call('ZREM', lane.dead, id) == 1 then
    redis.call('HDEL', info, id)
    forget_attempts(id)
    redis.call('HSET', data, id, ARGV[4])
    to_end(lanes[ARGV[3]], ARGV[4], id)
    redis.call('PUBLISH', ARGV[1], '1')
    return 1
  end
end
return 0
