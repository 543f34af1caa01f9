-- Claims an identity and keeps its job as a dead letter at once: nobody can work on it now.
-- KEYS: those of the shard, then its four hashes of claims (see claims.lua)
-- ARGV: 1 how long a claim is kept at least (s), 2 the kind of dead letter, 3 why, 4 its identity, 5 its legacy identity
--       ('': none), 6 id, 7 lane (p|o), 8 record
-- Answer: '' if it is kept, else the id of the job that holds the claim
claims_open(claims, tonumber(ARGV[1]))
local id, lane = ARGV[6], lanes[ARGV[7]]
local first = claims_held(claims, 4, 4, true)[1]
if first and first ~= id then
  redis.call('HINCRBY', stats, 'duplicates', 1)
  return first
end
-- Not again where this call was sent again after its answer was lost.
if not first then
  claims_note(claims, { ARGV[4], id }, ARGV[5] == '' and {} or { ARGV[5], id })
  redis.call('HSET', data, id, ARGV[8])
  redis.call('HINCRBY', stats, 'accepted', 1)
  dead_letter(lane, id, wall_clock(), ARGV[3], 0, ARGV[2])
end
return ''
