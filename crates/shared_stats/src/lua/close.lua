-- Drops what was taken over, if it still is what was taken over.
-- KEYS: 1 taken (hash; '#id' names it)
-- ARGV: 1 its name
-- Answer: 1 if it was dropped
if redis.call('HGET', KEYS[1], '#id') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
