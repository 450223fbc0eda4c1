#!lua flags=no-writes,allow-oom
-- Jobs at one instant, as many as 2 MiB hold: more would keep Redis, and the caller's event loop, too long.
-- KEYS: 1 namespace
-- ARGV: ids
-- Returns: for each of the first of them, at least one, its text, or false where there is none
local MAX_BYTES, bytes, reply = 2 * 1024 * 1024, 0, {}
for at = 1, #ARGV do
  local text = redis.call('GET', jobs .. ARGV[at])
  text = text and whole(text, redis.call('HGET', states, ARGV[at]))
  reply[at] = text
  bytes = bytes + (text and #text or 0)
  if bytes > MAX_BYTES then break end
end
return reply
