-- Takes or keeps the right to do something alone, for a while.
-- KEYS: 1 lease ("owner fence"), 2 fencing number
-- ARGV: 1 owner, 2 how long it lasts without a further call (ms)
-- Answer: the fencing number, higher with every new owner; 0 while another has the right
local kept = redis.call('GET', KEYS[1])
if kept then
  local owner, fence = string.match(kept, '^(%S+) (%d+)$')
  if owner == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return tonumber(fence)
  end
  -- One that ends later than any that is taken now is from before this server's clock was set back: its owner may have died,
  -- and one who lives is told by the fencing number.
  if redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[2]) then return 0 end
end
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. fence, 'PX', ARGV[2])
return fence
