-- Drops what is older than it may be or more than there may be: dead letters and recent jobs. Jobs
-- that wait are never dropped.
-- ARGV: 1 age that may stay (ms), 2 how many dead letters of a lane may stay, 3 how many go at most
-- Answer: how many dead letters were dropped; fewer than ARGV 3 means that none is left to drop
local oldest, limit, dropped = wall_clock() - ARGV[1], tonumber(ARGV[3]), 0
for _, lane in pairs(lanes) do
  local over = math.min(redis.call('ZCARD', lane.dead) - ARGV[2], limit - dropped)
  if over > 0 then
    for _, id in ipairs(redis.call('ZRANGE', lane.dead, 0, over - 1)) do dropped = dropped + drop_dead(lane, id) end
  end
  if dropped < limit then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', lane.dead, '-inf', oldest, 'LIMIT', 0, limit - dropped)) do
      dropped = dropped + drop_dead(lane, id)
    end
  end
end
local last = redis.call('LINDEX', recent, -1)
while last and tonumber(string.match(last, '|(%d+)$')) <= oldest do
  redis.call('RPOP', recent)
  last = redis.call('LINDEX', recent, -1)
end
if dropped > 0 then redis.call('HINCRBY', stats, 'dropped', dropped) end
return dropped
