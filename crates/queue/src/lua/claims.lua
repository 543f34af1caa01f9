-- Claims (identity -> id of the job that has it) are kept together, for a key of its own takes twice the memory and thrice the
-- time. They leave together, too: after `keep` seconds a new set is begun, and the old one stays for as long again.
-- `c` holds the names of four hashes: claims, those of the time before, and the same two of versions before 1.0, which know
-- an event by its legacy identity. Those are looked at while a version before 1.0 may still write them, and expire by
-- themselves.

-- Begins a new set when it is time. It expires somewhat later than it is replaced, so that it is unlinked here, and
-- expires by itself only where nothing comes.
local function claims_open(c, keep)
  c.keep, c.spare = keep, math.ceil(keep / 10)
  c.left = redis.call('TTL', c.now)
  if c.left >= 0 and c.left <= keep + c.spare then
    redis.call('UNLINK', c.before)
    redis.call('RENAME', c.now, c.before)
    c.left = -2
  end
  c.has_before = redis.call('EXISTS', c.before) == 1
  c.has_legacy = redis.call('EXISTS', c.legacy) == 1
  c.has_legacy_before = redis.call('EXISTS', c.legacy_before) == 1
end

-- The ids of the jobs that hold ARGV[first..last]; with_legacy, also those that hold the legacy claims behind them,
-- ARGV[last + 1..].
local function claims_held(c, first, last, with_legacy)
  local function held(is_there, key, from, to) return is_there and redis.call('HMGET', key, unpack(ARGV, from, to)) or {} end
  local count = last - first + 1
  local now, before = held(c.left ~= -2, c.now, first, last), held(c.has_before, c.before, first, last)
  local legacy = held(with_legacy and c.has_legacy, c.legacy, last + 1, last + count)
  local legacy_before = held(with_legacy and c.has_legacy_before, c.legacy_before, last + 1, last + count)
  local all = {}
  for n = 1, count do
    local is_named = with_legacy and ARGV[last + n] ~= ''
    all[n] = now[n] or before[n] or (is_named and (legacy[n] or legacy_before[n])) or false
  end
  return all
end

-- Notes claims, given as identities and ids in turn; legacy ones where a version before 1.0 is at work, too.
local function claims_note(c, claims, legacy)
  redis.call('HSET', c.now, unpack(claims))
  if c.left < 0 then redis.call('EXPIRE', c.now, 2 * c.keep + c.spare) end
  if c.has_legacy and #legacy > 0 then redis.call('HSET', c.legacy, unpack(legacy)) end
end

-- Forgets `claim` where it is still that job's.
local function claims_free(c, claim, id)
  if claim == '' then return 0 end
  local freed = 0
  for _, key in ipairs({ c.now, c.before, c.legacy, c.legacy_before }) do
    if redis.call('HGET', key, claim) == id then freed = freed + redis.call('HDEL', key, claim) end
  end
  return freed
end
