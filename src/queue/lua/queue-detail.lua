#!lua flags=no-writes,allow-oom
-- The queue of one type at one instant. It reads at most some thousand elements, however many jobs there are.
-- KEYS: 1 namespace
-- ARGV: 1 type
-- Returns: now (ms), 1 if a job of the type was ever accepted, else 0, its jobs that wait for others of their flow, its
--          scheduled, retrying and running jobs, the id of the next job (or ""), that job packed without payload and records (or ""), 1 if the queue is paused, else
--          0, the reason of the pause (or ""), the waiting jobs of each priority from 0 on, the groups with the most
--          waiting jobs as group, jobs …, the next due as id, time (ms), state code …, 1 if the groups are estimates or
--          there are more jobs due, else 0, and the JSON that each live replica stores about itself
local ns, job_type = KEYS[1], ARGV[1]
local call, sub, match = redis.call, string.sub, string.match
local MAX_READ, MAX_GROUPS, MAX_DUE = 2000, 20, 10 -- 2,000 jobs are 2 ms of Redis
local MAX_CANDIDATES = 100 -- groups of each priority
local ready, scheduled = ns .. 'ready:' .. job_type, ns .. 'scheduled'
local counts = call('HMGET', ns .. 'counts', 'accepted:' .. job_type, 'scheduled:' .. job_type, 'retrying:' .. job_type, 'running:' .. job_type, 'waiting:' .. job_type)
local is_partial, by_priority = 0, {}
for priority = 0, 9 do
  local band = (9 - priority) * BAND
  local n = 0
  for _, range in ipairs({ 0, POISON_CANDIDATES, LARGE }) do n = n + call('ZCOUNT', ready, range + band, range + band + BAND - 1) end
  by_priority[priority + 1] = n
end

local function counted_groups()
  local waiting = {}
  for _, id in ipairs(call('ZRANGE', ready, 0, -1)) do
    local group = match(start_of(id), '^[%w_]+|%d+>?%d*|([^|]*)|', TYPE)
    if group then waiting[group] = (waiting[group] or 0) + 1 end
  end
  return waiting
end

-- The live jobs of a group of all types; math.huge if the index does not have all of them.
local indexed, oldest = call('HMGET', ns .. 'indexed', 'from', 'until'), call('ZRANGE', ns .. 'live', 0, 0)[1]
local is_indexed = oldest and tonumber(indexed[2] or 0) >= now and tonumber(indexed[1] or math.huge) <= time_of(oldest)
local function live_jobs(group)
  if not is_indexed or group == '' then return math.huge end
  local name = GROUP_NAME .. string.gsub(group, '%%(%x%x)', function(hex) return string.char(tonumber(hex, 16)) end)
  return call('ZLEXCOUNT', ns .. 'index', '[' .. name .. '\0', '(' .. name .. '\1')
end

-- A group takes one turn, a virtual time, for each of its jobs: those between the last turn taken and that of its last
-- job are the waiting ones, and those that were cancelled.
local function estimated_groups()
  local waiting = {}
  for priority = 0, 9 do
    local bucket = job_type .. ':' .. priority
    local taken = tonumber(call('HGET', ns .. 'vtime', bucket) or 0)
    local fair = by_priority[priority + 1] > 0 and call('ZRANGE', ns .. 'fair:' .. bucket, 0, MAX_CANDIDATES - 1, 'REV', 'WITHSCORES') or {}
    for i = 1, #fair, 2 do
      local turns = math.min(fair[i + 1] - taken, by_priority[priority + 1])
      if turns > 0 then waiting[fair[i]] = (waiting[fair[i]] or 0) + turns end
    end
  end
  for group, n in pairs(waiting) do waiting[group] = math.min(n, live_jobs(group)) end
  return waiting
end

local function largest_groups(waiting)
  local names, largest = {}, {}
  for group, n in pairs(waiting) do
    if n > 0 then names[#names + 1] = group end
  end
  table.sort(names, function(one, other) return waiting[one] > waiting[other] or waiting[one] == waiting[other] and one < other end)
  for i = 1, math.min(#names, MAX_GROUPS) do largest[2 * i - 1] = names[i]; largest[2 * i] = waiting[names[i]] end
  return largest
end

local function next_due(expected)
  local due, n_found, n_read = {}, 0, 0
  local all = call('ZCARD', scheduled)
  while n_found < expected and n_read < math.min(all, MAX_READ) do
    local page = call('ZRANGE', scheduled, n_read, n_read + 199, 'WITHSCORES')
    for i = 1, #page, 2 do
      local id = page[i]
      n_read = n_read + 1
      if n_found < expected and type_of(call('GETRANGE', jobs .. id, 0, TYPE + 64)) == job_type then
        local state = call('HGET', states, id)
        for _, value in ipairs({ id, page[i + 1], state and sub(state, STATE, STATE_END) or SCHEDULED }) do due[#due + 1] = value end
        n_found = n_found + 1
      end
    end
  end
  if n_found < expected and n_read < all then is_partial = 1 end
  return due
end

local is_small = call('ZCARD', ready) <= MAX_READ
if not is_small then is_partial = 1 end
local groups = largest_groups(is_small and counted_groups() or estimated_groups())
local due = next_due(math.min(MAX_DUE, tonumber(counts[2] or 0) + tonumber(counts[3] or 0)))
local about = {}
for _, replica in ipairs(call('ZRANGE', ns .. 'replicas', 0, -1)) do about[#about + 1] = call('GET', ns .. 'replica:' .. replica) or nil end
local id, packed = next_job(job_type)
return {
  now, counts[1] and 1 or 0, tonumber(counts[5] or 0), tonumber(counts[2] or 0), tonumber(counts[3] or 0), tonumber(counts[4] or 0), id, packed,
  call('SISMEMBER', ns .. 'paused', job_type), call('HGET', ns .. 'pause_reasons', job_type) or '', by_priority, groups, due, is_partial, about,
}
