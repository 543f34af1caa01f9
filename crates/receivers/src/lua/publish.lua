-- Publishes a few changes, if the directory is still the one that they follow.
-- KEYS: meta, companies, keys, accounts. ARGV: stamp now, stamp then, version, then (hash 2-4, field, value or '') each.
if redis.call('HGET', KEYS[1], 'stamp') ~= ARGV[1] then return 0 end
for i = 4, #ARGV, 3 do
  local hash = KEYS[tonumber(ARGV[i])]
  if ARGV[i + 2] == '' then
    redis.call('HDEL', hash, ARGV[i + 1])
  else
    redis.call('HSET', hash, ARGV[i + 1], ARGV[i + 2])
  end
end
redis.call('HSET', KEYS[1], 'stamp', ARGV[2], 'version', ARGV[3])
return 1
