-- Renews the leases of the jobs that a worker has in flight.
-- ARGV: 1 worker, 2 lease (ms), then per job: id, lane
-- Answer: how many it still held
local leased_until = string.format('%d', steady_clock(wall_clock()) + ARGV[2])
local held = 0
for at = 3, #ARGV, 2 do
  if redis.call('HGET', owners, ARGV[at]) == ARGV[1] then
    redis.call('ZADD', lanes[ARGV[at + 1]].leases, 'XX', leased_until, ARGV[at])
    held = held + 1
  end
end
return held
