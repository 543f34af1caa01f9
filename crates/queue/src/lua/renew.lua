-- Renews the leases of the jobs that a worker has in hand.
-- ARGV: 1 worker, 2 lease (ms), then per job: id, lane
-- Answer: how many it still held
local now = steady_clock(wall_clock())
local held = 0
for at = 3, #ARGV, 2 do
  if redis.call('HGET', owners, ARGV[at]) == ARGV[1] then
    redis.call('ZADD', lanes[ARGV[at + 1]].leases, 'XX', now + ARGV[2], ARGV[at])
    held = held + 1
  end
end
return held
