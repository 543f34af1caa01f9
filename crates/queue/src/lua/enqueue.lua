-- Claims identities and pushes jobs, all or nothing.
-- KEYS: 1 data, 2 stats, 3 waiting payments, 4 their flows, 5 waiting others, 6 their flows,
--       7 claims (identity -> id), 8 claims of the time before, 9 and 10 the same of versions before 1.0
-- ARGV: 1 how long a claim is kept at least (s), 2 wake channel, 3 how many waiting jobs let workers be
--       told, 4 how many jobs, 5 '1' if legacy identities come, 6.. the jobs' identities, then their legacy identities (one
--       may be '': none) if they come, then per job: id, lane (p|o), flow, record
-- Answer: per job '' if it was pushed, else the id of the job that holds the claim; then '1' where a version before 1.0 may be
--       at work, which knows legacy identities alone, else ''
local count = tonumber(ARGV[4])
local c = { now = KEYS[7], before = KEYS[8], legacy = KEYS[9], legacy_before = KEYS[10] }
claims_open(c, tonumber(ARGV[1]))
local with_legacy = ARGV[5] == '1'
local held = claims_held(c, 6, 5 + count, with_legacy)
local jobs = with_legacy and 2 * count + 2 or count + 2

local lines = { p = line(KEYS[3], KEYS[4]), o = line(KEYS[5], KEYS[6]) }
local answer, records, claims, legacy, here = {}, {}, {}, {}, {}
for n = 1, count do
  local identity, at = ARGV[5 + n], jobs + 4 * n
  local id = ARGV[at]
  local first = held[n] or here[identity]
  if not first then
    here[identity] = id
    claims[#claims + 1] = identity
    claims[#claims + 1] = id
    if with_legacy and c.has_legacy and ARGV[5 + count + n] ~= '' then
      legacy[#legacy + 1] = ARGV[5 + count + n]
      legacy[#legacy + 1] = id
    end
    records[#records + 1] = id
    records[#records + 1] = ARGV[at + 3]
    line_up(lines[ARGV[at + 1]], ARGV[at + 2], id)
  end
  -- Our own claim: this call was sent again after its answer was lost.
  answer[n] = (not first or first == id) and '' or first
end
local pushed = #claims / 2
if pushed > 0 then
  claims_note(c, claims, legacy)
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
answer[count + 1] = (c.has_legacy or c.has_legacy_before) and '1' or ''
return answer
