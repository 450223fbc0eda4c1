#!lua flags=allow-oom
-- Removes schedules, each only while its state is what the caller has read.
-- KEYS: 1 namespace
-- ARGV: 1 how long the ids are remembered (ms)
--       then for each schedule: 1 name · 2 state as read, or "" for none · 3 id of the removed schedule
--       4 "1" if the stored schedule is the removed one, "" if only the id is to be remembered
-- Returns: for each schedule: 1, or 0 if its state is another one
local ns, call = KEYS[1], redis.call
local reply = {}
for at = 2, #ARGV, 4 do
  local name = ARGV[at]
  local is_same = (call('HGET', ns .. 'schedule_states', name) or '') == ARGV[at + 1]
  if is_same then
    call('SET', ns .. 'unscheduled:' .. ARGV[at + 2], '', 'PX', ARGV[1])
    if ARGV[at + 3] ~= '' then
      call('HDEL', ns .. 'schedules', name)
      call('HDEL', ns .. 'schedule_states', name)
      call('ZREM', ns .. 'schedule_ticks', name)
    end
  end
  reply[#reply + 1] = is_same and 1 or 0
end
return reply
