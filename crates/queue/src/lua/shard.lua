-- What the scripts of a shard share.
-- KEYS: 1 data (id -> record), 2 owners (id -> worker), 3 attempts (id -> failed ones; t:id -> take-overs;
--       h:id -> when and why, JSON objects each with a comma behind), 4 dead info (id -> JSON),
--       5 stats, 6 paused, 7 recent (list), then of payments 8 waiting, 9 flows, 10 scheduled,
--       11 leases, 12 dead, and of the others 13-17 the same; where claims are touched, 18-21 the hashes of claims
local data, owners, attempts, info, stats, paused, recent = unpack(KEYS, 1, 7)
local lanes = {}
for lane, at in pairs({ p = 8, o = 13 }) do
  lanes[lane] = { name = lane, waiting = KEYS[at], flows = KEYS[at + 1], scheduled = KEYS[at + 2],
    leases = KEYS[at + 3], dead = KEYS[at + 4] }
end

local claims = { now = KEYS[18], before = KEYS[19], legacy = KEYS[20], legacy_before = KEYS[21] }

local function wall_clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The clock that leases and delays go by, in ms: where the server's clock is set back, it goes on
-- from where it was, so that nothing waits for the lost time a second time.
local function steady_clock(wall)
  local kept = redis.call('HMGET', stats, 'clock', 'ahead')
  local last, ahead = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')
  if wall + ahead < last then
    ahead = last - wall
    redis.call('HSET', stats, 'ahead', ahead)
  end
  redis.call('HSET', stats, 'clock', wall + ahead)
  return wall + ahead
end

-- Puts a job whose turn was come at the very front.
local function to_front(lane, id)
  redis.call('ZADD', lane.waiting, redis.call('HGET', lane.flows, 'v') or 0, id)
end

-- Puts a job at the end of its flow, whose name is the fourth part of the record's first line.
local function to_end(lane, record, id)
  local l = line(lane.waiting, lane.flows)
  line_up(l, string.match(record, '^[^|]*|[^|]*|[^|]*|(%x+)') or '0', id)
  line_close(l)
end

local function forget_attempts(id) redis.call('HDEL', attempts, id, 't:' .. id, 'h:' .. id) end

-- Makes a job a dead letter; `kind` tells those apart that did not just fail ('': they did).
local function dead_letter(lane, id, wall, reason, tries, kind)
  local history = redis.call('HGET', attempts, 'h:' .. id) or ''
  local named = kind ~= '' and '"kind":' .. cjson.encode(kind) .. ',' or ''
  redis.call('ZADD', lane.dead, wall, id)
  redis.call('HSET', info, id, '{' .. named .. '"error":' .. cjson.encode(reason) .. ',"attempts":' .. tries
    .. ',"history":[' .. string.sub(history, 1, -2) .. ']}')
  redis.call('HINCRBY', stats, 'failed:' .. lane.name, 1)
  forget_attempts(id)
end

-- Drops a dead letter and all that is kept of it.
local function drop_dead(lane, id)
  if redis.call('ZREM', lane.dead, id) == 0 then return 0 end
  redis.call('HDEL', info, id)
  redis.call('HDEL', data, id)
  forget_attempts(id)
  return 1
end

