-- Ends the right to do something alone.
-- KEYS: 1 lease ("owner fence")
-- ARGV: 1 owner
-- Answer: 1 if it was the owner's
local kept = redis.call('GET', KEYS[1])
if kept and string.match(kept, '^(%S+) ') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
