#!lua
-- Applies decisions about ticks: enqueues their jobs, replaces the states, and adds to the history. Nothing changes for
-- a schedule whose state is not what the caller has read: somebody else has decided, or changed the schedule. It lacks
-- allow-oom: a full Redis rejects the call before anything changes.
-- KEYS: 1 namespace
-- ARGV: for each schedule:
--       1 name · 2 state as read · 3 state after · 4 when to look at it again (ms), "inf" for never
--       5 number of runs · 6 number of jobs
--       then each run: JSON
--       then for each job: id; its names in the index, a NUL between two names; the packed submission; "1" if Postgres
--       must have it first: it then waits for schedule-fire.lua; else ""
-- Returns: now (ms), then for each schedule: 1, or 0 if nothing has changed
local ns = KEYS[1]
local call = redis.call
local ticks, reply = ns .. 'schedule_ticks', { now }

local function add_job(at)
  local id, names, packed = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if ARGV[at + 3] == '' then return enqueue_new(id, packed, names) end
  call('HSET', ns .. 'schedule_jobs', id, packed)
  call('ZADD', ticks, now, SCHEDULE_JOB .. id)
end

local at = 1
while at <= #ARGV do
  local name, runs, jobs_count = ARGV[at], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local first_run, first_job = at + 6, at + 6 + runs
  local is_done = call('HGET', ns .. 'schedule_states', name) == ARGV[at + 1]
  if is_done then
    call('HSET', ns .. 'schedule_states', name, ARGV[at + 2])
    call('ZADD', ticks, ARGV[at + 3], name)
    for i = first_run, first_job - 1 do call('ZADD', ns .. 'schedule_runs', now, ARGV[i]) end
    for i = 0, jobs_count - 1 do add_job(first_job + 4 * i) end
  end
  reply[#reply + 1] = is_done and 1 or 0
  at = first_job + 4 * jobs_count
end
finish_enqueue()
return reply
