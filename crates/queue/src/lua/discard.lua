-- Drops dead letters and all that is kept of them.
-- ARGV: job ids
-- Answer: how many were dropped
local dropped = 0
for _, id in ipairs(ARGV) do
  for _, lane in pairs(lanes) do dropped = dropped + drop_dead(lane, id) end
end
return dropped
