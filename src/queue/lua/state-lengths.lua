#!lua flags=no-writes,allow-oom
-- The lengths of the states of jobs, by which a reader chooses how many states it requests at once.
-- KEYS: 1 namespace
-- ARGV: ids
-- Returns: for each id: the bytes of its entry in the hash; 0 without one
local states, call, reply = KEYS[1] .. 'states', redis.call, {}
for i, id in ipairs(ARGV) do reply[i] = call('HSTRLEN', states, id) end
return reply
