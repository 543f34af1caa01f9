-- Publishes one entry of the directory.
-- KEYS: 1 meta, 2 a hash of the directory
-- ARGV: 1 field, 2 value ('': the entry goes), 3 counter of changes, 4 counter of versions before 1.0
-- Answer: the directory's version
if ARGV[2] == '' then redis.call('HDEL', KEYS[2], ARGV[1]) else redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
redis.call('HSET', KEYS[1], 'changes', ARGV[3], 'legacy', ARGV[4])
return redis.call('HINCRBY', KEYS[1], 'version', 1)
