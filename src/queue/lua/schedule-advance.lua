#!lua
-- Applies decisions about ticks: enqueues their jobs, replaces the states, and adds to the history. Nothing changes for
-- a schedule whose state is not what the caller has read: somebody else has decided, or changed the schedule. It lacks
-- allow-oom: a full Redis rejects the call before anything changes.
-- KEYS: 1 namespace
-- ARGV: for each schedule, none of them twice:
--       1 name · 2 state as read · 3 state after · 4 when to look at it again (ms), "inf" for never
--       5 number of runs · 6 number of jobs
--       then each run: JSON
--       then for each job: id; its names in the index, a NUL between two names; the packed submission; "1" if Postgres
--       must answer first: it then waits for schedule-fire.lua; else ""
-- Returns: now (ms), then for each schedule: 1, or 0 if nothing has changed
local ns = KEYS[1]
local call = redis.call
local ticks, reply = ns .. 'schedule_ticks', { now }
local new_states, new_ticks, new_runs = {}, {}, {}
local at_now = string.format('%.0f', now) -- once: Redis would format the number for each job

local function add_job(at)
  local id, names, packed = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if ARGV[at + 3] == '' then return enqueue_new(id, packed, names) end
  call('HSET', ns .. 'schedule_jobs', id, packed)
  new_ticks[#new_ticks + 1] = at_now; new_ticks[#new_ticks + 1] = SCHEDULE_JOB .. id
end

local function apply(at)
  local name, first_run, jobs_count = ARGV[at], at + 6, tonumber(ARGV[at + 5])
  local first_job = first_run + tonumber(ARGV[at + 4])
  new_states[#new_states + 1] = name; new_states[#new_states + 1] = ARGV[at + 2]
  new_ticks[#new_ticks + 1] = ARGV[at + 3]; new_ticks[#new_ticks + 1] = name
  for i = first_run, first_job - 1 do new_runs[#new_runs + 1] = ARGV[i] end
  for i = 0, jobs_count - 1 do add_job(first_job + 4 * i) end
end

local names, starts, at = {}, {}, 1
while at <= #ARGV do
  names[#names + 1] = ARGV[at]
  starts[#starts + 1] = at
  at = at + 6 + ARGV[at + 4] + 4 * ARGV[at + 5]
end
for i, state in ipairs(call('HMGET', ns .. 'schedule_states', unpack(names))) do
  local is_done = state == ARGV[starts[i] + 1]
  if is_done then apply(starts[i]) end
  reply[#reply + 1] = is_done and 1 or 0
end
call_with('HSET', ns .. 'schedule_states', new_states)
call_with('ZADD', ticks, new_ticks)
call_with('RPUSH', ns .. 'pending_runs', new_runs)
finish_enqueue()
return reply
