-- Puts a directory that was written beside the present one into its place.
-- KEYS: 1 meta, 2.. per hash: the present one, the new one
-- ARGV: 1 counter of changes, 2 counter of versions before 1.0
-- Answer: the directory's version
for at = 2, #KEYS, 2 do
  -- A rename over a large hash would free it while everybody waits.
  redis.call('UNLINK', KEYS[at])
  if redis.call('EXISTS', KEYS[at + 1]) == 1 then
    redis.call('RENAME', KEYS[at + 1], KEYS[at])
    redis.call('PERSIST', KEYS[at])
  end
end
if redis.call('HEXISTS', KEYS[1], 'version') == 0 then
  -- A directory that was lost had a version, too: ingress must not take this one for it.
  local now = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'version', string.format('%.0f', now[1] * 1000000 + now[2]))
end
redis.call('HSET', KEYS[1], 'changes', ARGV[1], 'legacy', ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'version', 1)
