-- Puts a directory that was built beside the old one in its place, if nobody published meanwhile and it is whole.
-- KEYS: meta, companies, keys, accounts, then the three new ones. ARGV: stamp before ('' none), stamp, version, legacy
-- counter, then the number of fields of each.
if (redis.call('HGET', KEYS[1], 'stamp') or '') ~= ARGV[1] then return 0 end
for i = 1, 3 do
  if redis.call('HLEN', KEYS[4 + i]) ~= tonumber(ARGV[4 + i]) then return -1 end
end
for i = 1, 3 do
  local old, new = KEYS[1 + i], KEYS[4 + i]
  local filled = redis.call('EXISTS', new) == 1
  -- A rename over a large hash would free it at once, and all would wait.
  redis.call('UNLINK', old)
  if filled then
    redis.call('RENAME', new, old)
    redis.call('PERSIST', old)
  end
end
redis.call('HSET', KEYS[1], 'stamp', ARGV[2], 'version', ARGV[3], 'legacy', ARGV[4])
return 1
