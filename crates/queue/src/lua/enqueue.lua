-- Claims identities and pushes jobs, all or nothing.
-- KEYS: 1 data, 2 stats, 3 waiting payments, 4 their flows, 5 waiting others, 6 their flows,
--       7.. one claim key per job
-- ARGV: 1 time to live of a claim (s), 2 wake channel, 3 how many waiting jobs let workers be told,
--       then per job: id, lane (p|o), flow, record
-- Answer: per job '' if it was pushed, else the id of the job that holds the claim
local lines = { p = line(KEYS[3], KEYS[4]), o = line(KEYS[5], KEYS[6]) }
local answer, pushed, records = {}, 0, {}
for at = 4, #ARGV, 4 do
  local id, claim = ARGV[at], KEYS[6 + at / 4]
  if redis.call('SET', claim, id, 'NX', 'EX', ARGV[1]) then
    records[#records + 1] = id
    records[#records + 1] = ARGV[at + 3]
    line_up(lines[ARGV[at + 1]], ARGV[at + 2], id)
    pushed = pushed + 1
    answer[#answer + 1] = ''
  else
    local first = redis.call('GET', claim)
    -- Our own claim: this call was sent again after its answer was lost.
    answer[#answer + 1] = first == id and '' or first
  end
end
if pushed > 0 then
  redis.call('HSET', KEYS[1], unpack(records))
  line_close(lines.p)
  line_close(lines.o)
  redis.call('HINCRBY', KEYS[2], 'accepted', pushed)
  -- Workers before a long line are awake.
  if redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[5]) - pushed < tonumber(ARGV[3]) then
    redis.call('PUBLISH', ARGV[2], '1')
  end
end
local duplicates = #answer - pushed
if duplicates > 0 then redis.call('HINCRBY', KEYS[2], 'duplicates', duplicates) end
return answer
