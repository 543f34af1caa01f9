-- Finds dead letters that are older than they may be or more than there may be, and drops recent jobs that are too old.
-- ARGV: 1 age that may stay (ms), 2 how many dead letters of a lane may stay, 3 how many are told at most
-- Answer: ids of dead letters to be discarded
local oldest, limit, found = wall_clock() - ARGV[1], tonumber(ARGV[3]), {}
for _, lane in pairs(lanes) do
  local over = math.min(redis.call('ZCARD', lane.dead) - ARGV[2], limit - #found)
  if over > 0 then
    for _, id in ipairs(redis.call('ZRANGE', lane.dead, 0, over - 1)) do found[#found + 1] = id end
  end
  local from = math.max(over, 0)
  if #found < limit then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', lane.dead, '-inf', oldest, 'LIMIT', from, limit - #found)) do
      found[#found + 1] = id
    end
  end
end
local last = redis.call('LINDEX', recent, -1)
while last and tonumber(string.match(last, '|(%d+)$')) <= oldest do
  redis.call('RPOP', recent)
  last = redis.call('LINDEX', recent, -1)
end
return found
