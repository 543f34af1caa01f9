-- Drops dead letters and all that is kept of them, their claims too: what comes again is taken again.
-- KEYS: those of the shard, then its four hashes of claims
-- ARGV: 1 the counter of what is dropped by age or number ('': none), then per job: id, two claims ('': none)
-- Answer: how many were dropped
local dropped = 0
for at = 2, #ARGV, 3 do
  local id, is_dropped = ARGV[at], 0
  for _, lane in pairs(lanes) do is_dropped = is_dropped + drop_dead(lane, id) end
  if is_dropped > 0 then
    claims_free(claims, ARGV[at + 1], id)
    claims_free(claims, ARGV[at + 2], id)
  end
  dropped = dropped + is_dropped
end
if dropped > 0 and ARGV[1] ~= '' then redis.call('HINCRBY', stats, ARGV[1], dropped) end
return dropped
