-- Claims identities and pushes jobs, all or nothing.
-- KEYS: 1 data, 2 stats, 3 waiting payments, 4 their flows, 5 waiting others, 6 their flows,
--       7 claims (identity -> id), 8 claims of the time before
-- ARGV: 1 how long a claim is kept at least (s), 2 wake channel, 3 how many waiting jobs let workers be
--       told, 4 how many jobs, 5.. their identities, then per job: id, lane (p|o), flow, record
-- Answer: per job '' if it was pushed, else the id of the job that holds the claim
local keep, count = tonumber(ARGV[1]), tonumber(ARGV[4])

-- Claims lie together, for a key of its own takes twice the memory and thrice the time. They leave
-- together, too: after `keep` seconds a new set is begun, and the old one stays for as long again.
-- Somewhat longer, so that it is unlinked here, and expires by itself only where nothing comes.
local spare = math.ceil(keep / 10)
local left = redis.call('TTL', KEYS[7])
if left >= 0 and left <= keep + spare then
  redis.call('UNLINK', KEYS[8])
  redis.call('RENAME', KEYS[7], KEYS[8])
  left = -2
end
local function claimed(key) return redis.call('HMGET', key, unpack(ARGV, 5, 4 + count)) end
local current = left == -2 and {} or claimed(KEYS[7])
local before = redis.call('EXISTS', KEYS[8]) == 1 and claimed(KEYS[8]) or {}

local lines = { p = line(KEYS[3], KEYS[4]), o = line(KEYS[5], KEYS[6]) }
local answer, records, claims, here = {}, {}, {}, {}
for n = 1, count do
  local identity, at = ARGV[4 + n], count + 1 + 4 * n
  local id = ARGV[at]
  local first = current[n] or before[n] or here[identity]
  if not first then
    here[identity] = id
    claims[#claims + 1] = identity
    claims[#claims + 1] = id
    records[#records + 1] = id
    records[#records + 1] = ARGV[at + 3]
    line_up(lines[ARGV[at + 1]], ARGV[at + 2], id)
  end
  -- Our own claim: this call was sent again after its answer was lost.
  answer[n] = (not first or first == id) and '' or first
end
local pushed = #claims / 2
if pushed > 0 then
  redis.call('HSET', KEYS[7], unpack(claims))
  if left < 0 then redis.call('EXPIRE', KEYS[7], 2 * keep + spare) end
  redis.call('HSET', KEYS[1], unpack(records))
  line_close(lines.p)
  line_close(lines.o)
  redis.call('HINCRBY', KEYS[2], 'accepted', pushed)
  -- Workers before a long line are awake.
  if redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[5]) - pushed < tonumber(ARGV[3]) then
    redis.call('PUBLISH', ARGV[2], '1')
  end
end
if count > pushed then redis.call('HINCRBY', KEYS[2], 'duplicates', count - pushed) end
return answer
