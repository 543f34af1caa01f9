-- Schedules failed jobs again, or moves them to the dead letters after their last attempt.
-- ARGV: 1 worker, 2 attempts in all, then per job: id, lane, delay before the next attempt (ms), error,
--       the kind of dead letter that it becomes at once ('': it is tried again)
-- Answer: how many died. A job that another worker holds by now is left to it.
local wall = wall_clock()
local now = steady_clock(wall)
local died = 0
for at = 3, #ARGV, 5 do
  local id, lane, reason, kind = ARGV[at], lanes[ARGV[at + 1]], ARGV[at + 3], ARGV[at + 4]
  if redis.call('HGET', owners, id) == ARGV[1] then
    redis.call('ZREM', lane.leases, id)
    redis.call('HDEL', owners, id)
    local tries = redis.call('HINCRBY', attempts, id, 1)
    local history = redis.call('HGET', attempts, 'h:' .. id) or ''
    -- Of very many attempts the first ones tell enough.
    if #history < 8000 then
      redis.call('HSET', attempts, 'h:' .. id, history .. cjson.encode({ atMs = wall, error = reason }) .. ',')
    end
    if kind ~= '' or tries >= tonumber(ARGV[2]) then
      dead_letter(lane, id, wall, reason, tries, kind)
      died = died + 1
    else
      redis.call('ZADD', lane.scheduled, now + tonumber(ARGV[at + 2]), id)
    end
  end
end
return died
