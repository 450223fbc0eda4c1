#!lua
-- Takes the schedules that somebody must look at now, and the jobs of schedules that wait for their commit in Postgres.
-- Until the caller's time is over, no other replica gets them; if the caller dies, another one gets them afterwards.
-- KEYS: 1 namespace
-- ARGV: 1 how long the caller has them (ms) · 2 how many at most · 3 how many bytes at most, unless one has more
-- Returns: now (ms); when somebody must look next (ms), "inf" for never, or "" without schedules; how many there are
--          for each schedule: name, state, definition, 1 if its last job has not ended, else 0
--          for each job: id, packed submission
local ns, own, limit, bytes = KEYS[1], tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local call, sub, byte = redis.call, string.sub, string.byte
local ticks = ns .. 'schedule_ticks'
local until_then = string.format('%.0f', now + own)
local schedules, waiting, taken, gone = {}, {}, {}, {}

local IS_LIVE = { [WAITING] = true, [QUEUED] = true, [SCHEDULED] = true, [RETRYING] = true, [RUNNING] = true }

-- Whether the last job of a schedule has not ended. An ended job in the outbox is still stored. A text in the state, such
-- as the reason of a pause, cannot look like the member: its quotation marks are escaped.
local function last_lives(state)
  local id = string.match(state, '"jobId":"([^"]*)"')
  if not id then return false end
  local current = call('HGET', states, id) or call('GETRANGE', jobs .. id, 0, 0)
  return IS_LIVE[sub(current, STATE, STATE_END)] or call('HSTRLEN', ns .. 'schedule_jobs', id) > 0
end

-- Returns the size of what a member of the set stands for; nil if that is gone.
local function take(member)
  if byte(member) == SCHEDULE_JOB_BYTE then
    local id = sub(member, 2)
    local packed = call('HGET', ns .. 'schedule_jobs', id)
    if not packed then return nil end
    waiting[#waiting + 1] = id; waiting[#waiting + 1] = packed
    return #packed
  end
  local state, definition = call('HGET', ns .. 'schedule_states', member), call('HGET', ns .. 'schedules', member)
  if not state or not definition then return nil end
  local n = #schedules
  schedules[n + 1] = member; schedules[n + 2] = state; schedules[n + 3] = definition
  schedules[n + 4] = last_lives(state) and 1 or 0
  return #state + #definition
end

for _, member in ipairs(call('ZRANGEBYSCORE', ticks, '-inf', now, 'LIMIT', 0, limit)) do
  if bytes <= 0 then break end
  local size = take(member)
  if size then
    taken[#taken + 1] = until_then; taken[#taken + 1] = member
    bytes = bytes - size
  else
    gone[#gone + 1] = member
  end
end
if #taken > 0 then call('ZADD', ticks, unpack(taken)) end
if #gone > 0 then call('ZREM', ticks, unpack(gone)) end
return { now, call('ZRANGE', ticks, 0, 0, 'WITHSCORES')[2] or '', call('ZCARD', ticks), schedules, waiting }
