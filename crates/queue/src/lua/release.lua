-- Gives jobs back untouched, to the front of their lane.
-- ARGV: 1 worker, 2 wake channel, then per job: id, lane
-- Answer: how many were released
local given = 0
for at = 3, #ARGV, 2 do
  local id, lane = ARGV[at], lanes[ARGV[at + 1]]
  if redis.call('HGET', owners, id) == ARGV[1] then
    redis.call('ZREM', lane.leases, id)
    redis.call('HDEL', owners, id)
    if redis.call('HEXISTS', data, id) == 1 then
      to_front(lane, id)
      given = given + 1
    end
  end
end
if given > 0 then redis.call('PUBLISH', ARGV[2], '1') end
return given
