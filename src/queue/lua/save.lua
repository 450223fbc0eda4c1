#!lua flags=allow-oom
-- Stores the state that the handler of a running job saves for its next attempt. It replaces the last saved state.
-- The line is bounded and replaced, so this runs on a full Redis, too: work whose state is not saved would be repeated.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 id · 3 claim number (10 characters) · 4 the line (core/saved-state.ts)
-- Returns: 1, or 0 if the replica no longer has the job's lease
local ns, replica, id, seq, line = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local sub, find = string.sub, string.find
local state = redis.call('HGET', states, id)
if not is_leased_under(replica .. seq, state) then return 0 end
local records = sub(state, RECORDS)
local from = find(records, '\n{"saved":true,', 1, true)
if from then
  local to = find(records, '\n', from + 1, true) or #records + 1
  records = sub(records, 1, from - 1) .. sub(records, to)
end
-- A job that makes progress under this lease does not kill its process, so its crash budget is full again.
redis.call('HSET', states, id, sub(state, 1, ATTEMPT_END) .. '0' .. sub(state, DEFERRALS, HEADER_END) .. records .. '\n' .. line)
return 1
