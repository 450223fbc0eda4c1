#!lua flags=no-writes,allow-oom
-- The first bytes of packed submissions. A script copies no whole ones for a reader: they may be 33 KiB.
-- KEYS: 1 namespace
-- ARGV: 1 the index of the last byte; then ids
-- Returns: for each id: the bytes; "" for a job that Redis does not have
local jobs, last, call, reply = KEYS[1] .. 'j:', ARGV[1], redis.call, {}
for i = 2, #ARGV do reply[i - 1] = call('GETRANGE', jobs .. ARGV[i], 0, last) end
return reply
