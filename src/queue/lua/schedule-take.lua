#!lua
-- Takes the schedules that somebody must look at now, and the jobs of schedules that wait for Postgres.
-- Until the caller's time is over, no other replica gets them; if the caller dies, another one gets them afterwards.
-- KEYS: 1 namespace
-- ARGV: 1 how long the caller has them (ms) · 2 how many at most · 3 how many bytes at most, unless one has more
-- Returns: now (ms); when somebody must look next (ms), "inf" for never, or "" without schedules; how many there are
--          for each schedule: name, state, 1 if its last job has not ended, else 0. Its definition counts as bytes, but the
--          caller reads only those that it does not know
--          for each job: id, packed submission
local ns, own, limit, bytes = KEYS[1], tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local call, sub, byte = redis.call, string.sub, string.byte
local ticks = ns .. 'schedule_ticks'
local until_then = string.format('%.0f', now + own)
local schedules, waiting, taken, gone = {}, {}, {}, {}

local IS_LIVE = { [WAITING] = true, [QUEUED] = true, [SCHEDULED] = true, [RETRYING] = true, [RUNNING] = true }

-- The id of the last job of a schedule, or nil. A text in the state, such as the reason of a pause, cannot look like the
-- member: its quotation marks are escaped.
local function last_id(state)
  local _, last = string.find(state, '"jobId":"', 1, true) -- plain: a pattern takes ten times as long
  return last and sub(state, last + 1, last + ID_END)
end

-- Which of these jobs have not ended, as a table by id. An ended job in the outbox is still stored. One command for all
-- jobs costs a fraction of one for each.
local function living(ids)
  local lives, unclaimed = {}, {}
  if #ids == 0 then return lives end
  for i, current in ipairs(call('HMGET', states, unpack(ids))) do
    if current then lives[ids[i]] = IS_LIVE[sub(current, STATE, STATE_END)] else unclaimed[#unclaimed + 1] = jobs .. ids[i] end
  end
  if #unclaimed > 0 and call('EXISTS', unpack(unclaimed)) > 0 then
    for _, key in ipairs(unclaimed) do
      lives[sub(key, #jobs + 1)] = IS_LIVE[call('GETRANGE', key, 0, 0)]
    end
  end
  if call('EXISTS', ns .. 'schedule_jobs') == 1 then
    for _, id in ipairs(ids) do lives[id] = lives[id] or call('HEXISTS', ns .. 'schedule_jobs', id) == 1 end
  end
  return lives
end

-- Takes the job of a member of the set. Returns its bytes; nil if Redis no longer has it.
local function take_job(member)
  local id = sub(member, 2)
  local packed = call('HGET', ns .. 'schedule_jobs', id)
  if not packed then return nil end
  waiting[#waiting + 1] = id; waiting[#waiting + 1] = packed
  return #packed
end

-- Takes a schedule likewise.
local function take(member, state)
  local length = call('HSTRLEN', ns .. 'schedules', member)
  if not state or length == 0 then return nil end
  local n = #schedules
  schedules[n + 1] = member; schedules[n + 2] = state; schedules[n + 3] = 0
  return #state + length
end

local members = call('ZRANGEBYSCORE', ticks, '-inf', now, 'LIMIT', 0, limit)
local states_of = #members > 0 and call('HMGET', ns .. 'schedule_states', unpack(members))
for i, member in ipairs(members) do
  if bytes <= 0 then break end
  local size
  if byte(member) == SCHEDULE_JOB_BYTE then size = take_job(member) else size = take(member, states_of[i]) end
  if size then
    taken[#taken + 1] = until_then; taken[#taken + 1] = member
    bytes = bytes - size
  else
    gone[#gone + 1] = member
  end
end

local last_ids = {}
for i = 2, #schedules, 3 do last_ids[#last_ids + 1] = last_id(schedules[i]) end
local lives = living(last_ids)
for i = 2, #schedules, 3 do
  if lives[last_id(schedules[i])] then schedules[i + 1] = 1 end
end
if #taken > 0 then call('ZADD', ticks, unpack(taken)) end
if #gone > 0 then call('ZREM', ticks, unpack(gone)) end
return { now, call('ZRANGE', ticks, 0, 0, 'WITHSCORES')[2] or '', call('ZCARD', ticks), schedules, waiting }
