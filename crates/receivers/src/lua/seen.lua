-- The legacy counter was moved by ourselves to ARGV[1]: nothing of it is left to do, if nobody else moved it in between.
-- KEYS: meta.
if redis.call('HGET', KEYS[1], 'legacy') == tostring(tonumber(ARGV[1]) - 1) then
  return redis.call('HSET', KEYS[1], 'legacy', ARGV[1])
end
return 0
