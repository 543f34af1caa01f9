-- Looks up one entry of the directory.
-- KEYS: 1 meta, 2 a hash of the directory
-- ARGV: 1 field
-- Answer: nothing where there is no directory; else a list: 'there', and the value if there is such an entry
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local value = redis.call('HGET', KEYS[2], ARGV[1])
return value and { 'there', value } or { 'there' }
