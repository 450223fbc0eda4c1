#!lua flags=allow-oom
-- Keeps what the handler of a running job wants its next attempt to find, in place of what it saved before.
-- It replaces a bounded line, so a full Redis takes it: what cannot be saved would be done again.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 id · 3 claim number (10 characters) · 4 the line (core/saved-state.ts)
-- Returns: 1, or 0 where the lease is not this replica's any more
local ns, replica, id, seq, line = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local sub, find = string.sub, string.find
local state = redis.call('HGET', states, id)
if not state or sub(state, 1, 1) ~= 'r' or sub(state, 24, 41) ~= replica .. seq then return 0 end
local records = sub(state, 42)
local from = find(records, '\n{"saved":true,', 1, true)
if from then
  local to = find(records, '\n', from + 1, true) or #records + 1
  records = sub(records, 1, from - 1) .. sub(records, to)
end
-- A job that gets on under this lease is not one that kills its process: its crash budget is whole again.
redis.call('HSET', states, id, sub(state, 1, 3) .. '0' .. sub(state, 5, 41) .. records .. '\n' .. line)
return 1
