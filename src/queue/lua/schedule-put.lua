#!lua
-- Stores working copies of schedules, each only while its state is what the caller has read. A removed schedule does not
-- come back: a caller that was frozen may send one that somebody else has removed since.
-- KEYS: 1 namespace
-- ARGV: 1 how long the id of a replaced schedule is remembered (ms)
--       then for each schedule: 1 name · 2 state as read, or "" for none · 3 id · 4 id as read, or "" · 5 definition
--       6 state · 7 when to look at it (ms), "inf" for never
-- Returns: for each schedule: 1 if it is stored now, else 0
local ns, call = KEYS[1], redis.call
local reply = {}

local function put(name, before, id, id_before, definition, state, look_at)
  if (call('HGET', ns .. 'schedule_states', name) or '') ~= before then return 0 end
  if call('EXISTS', ns .. 'unscheduled:' .. id) == 1 then return 0 end
  if id_before ~= '' and id_before ~= id then call('SET', ns .. 'unscheduled:' .. id_before, '', 'PX', ARGV[1]) end
  call('HSET', ns .. 'schedules', name, definition)
  call('HSET', ns .. 'schedule_states', name, state)
  call('ZADD', ns .. 'schedule_ticks', look_at, name)
  return 1
end

for at = 2, #ARGV, 7 do reply[#reply + 1] = put(unpack(ARGV, at, at + 6)) end
return reply
