-- Forgets claims whose jobs are not in the queue any more.
-- KEYS: those of the shard, then its four hashes of claims
-- ARGV: per claim: identity, id of the job that had it
-- Answer: how many were forgotten
local forgotten = 0
for at = 1, #ARGV, 2 do
  if redis.call('HEXISTS', data, ARGV[at + 1]) == 0 then
    forgotten = forgotten + claims_free(claims, ARGV[at], ARGV[at + 1])
  end
end
return forgotten
