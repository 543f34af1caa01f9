-- Renews the leases of the jobs that a worker has in hand.
-- KEYS: 1 leases, 2 owners
-- ARGV: 1 worker, 2 lease (ms), 3.. job ids
-- Answer: how many it still held
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local held = 0
for at = 3, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[at]) == ARGV[1] then
    redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[at])
    held = held + 1
  end
end
return held
