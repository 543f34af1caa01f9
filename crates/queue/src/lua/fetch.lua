-- Makes due retries and jobs of dead workers waiting again, then leases jobs to a worker.
-- KEYS: 1 data, 2 payments list, 3 others list, 4 scheduled (zset), 5 leases (zset), 6 owners (hash),
--       7 attempts (hash), 8 dead (zset), 9 dead info (hash), 10 stats, 11 paused (hash)
-- ARGV: 1 how many at most, 2 lease (ms), 3 worker, 4 places kept for the others lane,
--       5 how many take-overs a job survives
-- Answer: ms until the next retry or lease is due (-1: none), then per job: id, attempts, record
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local limit = tonumber(ARGV[1])

local function list_of(record) return string.sub(record, 1, 1) == 'p' and KEYS[2] or KEYS[3] end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[4], id)
  local record = redis.call('HGET', KEYS[1], id)
  if record then redis.call('RPUSH', list_of(record), id) end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[5], id)
  redis.call('HDEL', KEYS[6], id)
  local record = redis.call('HGET', KEYS[1], id)
  if record then
    local takeovers = redis.call('HINCRBY', KEYS[7], 't:' .. id, 1)
    if takeovers > tonumber(ARGV[5]) then
      redis.call('HDEL', KEYS[7], id, 't:' .. id)
      redis.call('ZADD', KEYS[8], now, id)
      redis.call('HSET', KEYS[9], id, cjson.encode({ error = 'its worker died ' .. takeovers .. ' times',
        attempts = takeovers, diedMs = now }))
      redis.call('HINCRBY', KEYS[10], 'failed', 1)
    else
      redis.call('RPUSH', list_of(record), id)
    end
  end
end

local answer = { -1 }
local function take(key, lane, count)
  if count <= 0 or redis.call('HEXISTS', KEYS[11], lane) == 1 then return 0 end
  local taken = 0
  for _, id in ipairs(redis.call('RPOP', key, count) or {}) do
    -- A job that was acknowledged late has left its id behind: it is passed over.
    local record = redis.call('HGET', KEYS[1], id)
    if record and not redis.call('ZSCORE', KEYS[5], id) then
      redis.call('ZADD', KEYS[5], now + ARGV[2], id)
      redis.call('HSET', KEYS[6], id, ARGV[3])
      answer[#answer + 1] = id
      answer[#answer + 1] = tonumber(redis.call('HGET', KEYS[7], id) or '0')
      answer[#answer + 1] = record
      taken = taken + 1
    end
  end
  return taken
end

if redis.call('HEXISTS', KEYS[11], 'all') == 0 then
  local free = limit
  free = free - take(KEYS[3], 'o', math.min(tonumber(ARGV[4]), free))
  free = free - take(KEYS[2], 'p', free)
  take(KEYS[3], 'o', free)
end

for _, key in ipairs({ KEYS[4], KEYS[5] }) do
  local next_one = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if next_one[2] then
    local wait = math.max(0, tonumber(next_one[2]) - now)
    if answer[1] == -1 or wait < answer[1] then answer[1] = wait end
  end
end
return answer
