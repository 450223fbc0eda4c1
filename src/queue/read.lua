#!lua flags=no-writes,allow-oom
-- Jobs at one instant.
-- KEYS: 1 namespace
-- ARGV: ids
-- Returns: for each its text, or false where there is none
local reply = {}
for at = 1, #ARGV do
  local text = redis.call('GET', jobs .. ARGV[at])
  reply[at] = text and whole(text, redis.call('HGET', states, ARGV[at]))
end
return reply
