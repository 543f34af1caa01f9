-- Notes that rows under a tag have changed: bumps its version, or, where that was done just now, owes
-- it a bump that anyone who reads the version makes.
-- KEYS: 1 versions ("current:previous:since"), 2 gate, 3 owed (since when)
-- ARGV: 1 time to live of a version (s), 2 time between two bumps (ms)
-- Answer: for how many ms more a further change needs no note of its own; 0 after a bump
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local left = redis.call('PTTL', KEYS[2])
-- A gate that stays for longer than one is made for was made before this server's clock was set back: it is over.
if left > 0 and left <= tonumber(ARGV[2]) then
  redis.call('SET', KEYS[3], now, 'NX', 'EX', ARGV[1])
  return left
end
local kept = redis.call('GET', KEYS[1])
local previous = kept and string.match(kept, '^(%d+):') or '0'
local since = redis.call('GET', KEYS[3]) or now
redis.call('DEL', KEYS[3])
redis.call('SET', KEYS[1], now .. ':' .. previous .. ':' .. since, 'EX', ARGV[1])
redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
return 0
