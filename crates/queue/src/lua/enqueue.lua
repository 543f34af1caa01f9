-- Claims identities and pushes jobs, all or nothing.
-- KEYS: 1 data (hash), 2 payments list, 3 others list, 4 stats (hash), 5.. one claim key per job
-- ARGV: 1 time to live of a claim (s), 2 wake channel, then per job: id, lane (p|o), record
-- Answer: per job '' if it was pushed, else the id of the job that holds the claim
local answer, pushed = {}, 0
for at = 3, #ARGV, 3 do
  local id, lane, claim = ARGV[at], ARGV[at + 1], KEYS[4 + at / 3]
  if redis.call('SET', claim, id, 'NX', 'EX', ARGV[1]) then
    redis.call('HSET', KEYS[1], id, ARGV[at + 2])
    redis.call('LPUSH', lane == 'p' and KEYS[2] or KEYS[3], id)
    pushed = pushed + 1
    answer[#answer + 1] = ''
  else
    local first = redis.call('GET', claim)
    -- Our own claim: this call was sent again after its answer was lost.
    answer[#answer + 1] = first == id and '' or first
  end
end
if pushed > 0 then
  redis.call('HINCRBY', KEYS[4], 'accepted', pushed)
  redis.call('PUBLISH', ARGV[2], '1')
end
local duplicates = #answer - pushed
if duplicates > 0 then redis.call('HINCRBY', KEYS[4], 'duplicates', duplicates) end
return answer
