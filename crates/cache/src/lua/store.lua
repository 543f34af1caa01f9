-- Keeps an answer, and of its owner no more answers than there is room for: those whose time ends first go first.
-- KEYS: the answer, the owner's answers by when they end, their sizes (under '' the sum)
-- ARGV: the answer's name, itself, milliseconds to keep it, most answers, most bytes, the first part of an answer's key
local name, answer, lasts = ARGV[1], ARGV[2], tonumber(ARGV[3])
local most_answers, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Redis may have evicted the one without the other.
if redis.call('ZCARD', KEYS[2]) == 0 then redis.call('UNLINK', KEYS[3]) end

local function forget(gone)
  local size = tonumber(redis.call('HGET', KEYS[3], gone) or '0')
  redis.call('ZREM', KEYS[2], gone)
  redis.call('HDEL', KEYS[3], gone)
  if size > 0 then redis.call('HINCRBY', KEYS[3], '', -size) end
end

-- Their answers went by themselves.
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 200)) do forget(gone) end

forget(name)
redis.call('SET', KEYS[1], answer, 'PX', lasts)
redis.call('ZADD', KEYS[2], now + lasts, name)
redis.call('HSET', KEYS[3], name, #answer)
local bytes = redis.call('HINCRBY', KEYS[3], '', #answer)

while redis.call('ZCARD', KEYS[2]) > most_answers or bytes > most_bytes do
  local first = redis.call('ZRANGE', KEYS[2], 0, 1)
  local gone = first[1] == name and first[2] or first[1]
  if not gone or gone == name then break end
  redis.call('UNLINK', ARGV[6] .. gone)
  forget(gone)
  bytes = tonumber(redis.call('HGET', KEYS[3], ''))
end

for _, key in ipairs({ KEYS[2], KEYS[3] }) do
  if redis.call('PTTL', key) < lasts then redis.call('PEXPIRE', key, lasts) end
end
return bytes
