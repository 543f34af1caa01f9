-- A tag's version, made if there is none; and a bump that a commit is owed, once it is due.
-- KEYS: 1 versions ("current:previous", microseconds by this server's clock), 2 gate, 3 owed
-- ARGV: 1 time to live of a version (s), 2 time between two bumps (ms)
-- Answer: current version, previous version, this server's clock (us), all as text
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local kept = redis.call('GET', KEYS[1])
local current, previous
if kept then
  current, previous = string.match(kept, '^(%d+):(%d+)$')
  if redis.call('EXISTS', KEYS[3]) == 1 and redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('DEL', KEYS[3])
    redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
    current, previous = now, current
    redis.call('SET', KEYS[1], current .. ':' .. previous, 'EX', ARGV[1])
  end
else
  -- What was stored under a version that is lost is not valid under the new one.
  current, previous = now, '0'
  redis.call('SET', KEYS[1], current .. ':' .. previous, 'EX', ARGV[1])
end
return { current, previous, now }
