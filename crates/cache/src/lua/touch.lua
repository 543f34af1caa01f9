-- Notes that rows under a tag have changed: bumps its version, or, where that was done just now, owes
-- it a bump that whoever reads the version makes.
-- KEYS: 1 versions, 2 gate, 3 owed
-- ARGV: 1 time to live of a version (s), 2 time between two bumps (ms)
-- Answer: for how many ms more a further change needs no note of its own; 0 after a bump
local left = redis.call('PTTL', KEYS[2])
if left > 0 then
  redis.call('SET', KEYS[3], 1, 'EX', ARGV[1])
  return left
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local kept = redis.call('GET', KEYS[1])
local previous = kept and string.match(kept, '^(%d+):') or '0'
redis.call('DEL', KEYS[3])
redis.call('SET', KEYS[1], now .. ':' .. previous, 'EX', ARGV[1])
redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
return 0
