-- Adds fields to a hash that is being built; it ends by itself should its builder die.
-- KEYS: the hash. ARGV: its time to live in ms, then field and value each.
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
