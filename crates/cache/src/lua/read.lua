-- A tag's version, made if there is none; and a bump that a commit is owed, once it is due.
-- KEYS: 1 versions ("current:previous:since", microseconds by this server's clock), 2 gate, 3 owed (since when)
-- ARGV: 1 time to live of a version (s), 2 time between two bumps (ms)
-- Answer: current version, previous version, since when answers of the previous one are old, this server's
--         clock, all as text
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local kept = redis.call('GET', KEYS[1])
local current, previous, since
if kept then
  current, previous, since = string.match(kept, '^(%d+):(%d+):(%d+)$')
  local owed = redis.call('GET', KEYS[3])
  local left = redis.call('PTTL', KEYS[2])
  -- A gate that stays for longer than one is made for was made before this server's clock was set back: it is over.
  if owed and (left <= 0 or left > tonumber(ARGV[2])) then
    redis.call('DEL', KEYS[3])
    redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
    -- Whenever this is asked, the change was then: nobody may have looked for long.
    current, previous, since = now, current, owed
    redis.call('SET', KEYS[1], current .. ':' .. previous .. ':' .. since, 'EX', ARGV[1])
  end
else
  -- What was stored under a version that is lost is not valid under the new one.
  current, previous, since = now, '0', '0'
  redis.call('SET', KEYS[1], current .. ':' .. previous .. ':' .. since, 'EX', ARGV[1])
end
-- It was noted before the clock was set back, nobody knows how long ago.
if tonumber(since) > tonumber(now) then since = '0' end
return { current, previous, since, now }
