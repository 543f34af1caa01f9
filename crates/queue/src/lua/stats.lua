-- Counts a shard without looking at its jobs, but for the first of each lane.
-- ARGV: 1 how many of the first to look at for the oldest: as many as there are flows suffice
-- Answer: the server's clock (ms), accepted, duplicates, dropped, recognised, paused (0|1), then of payments and of the
--         others each: waiting, delayed, active, dead, completed, failed, paused (0|1), age of the oldest (ms)
local wall = wall_clock()
local function count(field) return tonumber(redis.call('HGET', stats, field) or '0') end
local answer = { wall, count('accepted'), count('duplicates'), count('dropped'), count('recognised'),
  redis.call('HEXISTS', paused, 'all') }
for _, lane in ipairs({ lanes.p, lanes.o }) do
  local oldest = wall
  for _, id in ipairs(redis.call('ZRANGE', lane.waiting, 0, ARGV[1] - 1)) do
    local record = redis.call('HGET', data, id)
    local since = record and tonumber(string.match(record, '^[^|]*|(%d+)|'))
    if since and since < oldest then oldest = since end
  end
  local counts = { redis.call('ZCARD', lane.waiting), redis.call('ZCARD', lane.scheduled),
    redis.call('ZCARD', lane.leases), redis.call('ZCARD', lane.dead), count('completed:' .. lane.name),
    count('failed:' .. lane.name), redis.call('HEXISTS', paused, lane.name), wall - oldest }
  for _, value in ipairs(counts) do answer[#answer + 1] = value end
end
return answer
