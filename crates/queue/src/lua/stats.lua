-- Counts a shard without looking at its jobs.
-- KEYS: 1 payments list, 2 others list, 3 scheduled, 4 leases, 5 dead, 6 stats, 7 paused, 8 data
-- Answer: waiting payments, waiting others, delayed, active, dead, accepted, duplicates, completed,
--         failed, paused (all, p, o as 0/1), records of the two oldest waiting jobs ('' if none)
local counts = redis.call('HMGET', KEYS[6], 'accepted', 'duplicates', 'completed', 'failed')
local function oldest(key)
  local id = redis.call('LINDEX', key, -1)
  local record = id and redis.call('HGET', KEYS[8], id)
  return record and string.sub(record, 1, 40) or ''
end
return {
  redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]), redis.call('ZCARD', KEYS[3]),
  redis.call('ZCARD', KEYS[4]), redis.call('ZCARD', KEYS[5]),
  tonumber(counts[1] or '0'), tonumber(counts[2] or '0'), tonumber(counts[3] or '0'), tonumber(counts[4] or '0'),
  redis.call('HEXISTS', KEYS[7], 'all'), redis.call('HEXISTS', KEYS[7], 'p'), redis.call('HEXISTS', KEYS[7], 'o'),
  oldest(KEYS[1]), oldest(KEYS[2]),
}
