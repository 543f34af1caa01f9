-- A field of the directory, and whether there is a directory, at one moment. KEYS: meta, the hash. ARGV: the field.
return { redis.call('HEXISTS', KEYS[1], 'stamp'), redis.call('HGET', KEYS[2], ARGV[1]) }
