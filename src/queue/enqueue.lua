#!lua
-- Enqueues submissions, each once and as a whole. It lacks allow-oom: a full Redis refuses the call before anything changes.
-- KEYS: 1 namespace
-- ARGV: 1 not_after (ms; later than that nothing is changed) · 2 the caller's replica id if it runs jobs, else "" ·
--       then for each submission: idempotency key or "", fingerprint, ttl (ms), n, and n times: id, type, priority, group, run_at (ms), value
-- Returns: now (ms), 1 in time or 0 late; then for each submission not plainly enqueued: its index from 0, "exists" | "replayed" | "conflict", first id
local ns, not_after, replica = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > not_after then return { now, 0 } end

local next_due = tonumber(redis.call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')[2] or math.huge)
local reply, live, scheduled, ready, last, by_type = { now, 1 }, {}, {}, {}, {}, {}

local function score_of(kind, priority, group)
  local slot = kind .. ':' .. priority
  local tags = last[slot]
  if not tags then tags = { v = tonumber(redis.call('HGET', ns .. 'vtime', slot) or 0), of = {} }; last[slot] = tags end
  local tag = (tags.of[group] or math.max(tags.v, tonumber(redis.call('ZSCORE', ns .. 'fair:' .. slot, group) or 0))) + 1
  tags.of[group] = tag
  return (9 - priority) * 281474976710656 + tag
end

local function enqueue(at)
  local id, kind, run_at = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 4])
  local is_due = run_at <= now
  if not redis.call('SET', ns .. 'j:' .. id, (is_due and 'q' or 's') .. ARGV[at + 5], 'NX') then return false end
  live[#live + 1] = 0; live[#live + 1] = id
  local count = by_type[kind]
  if not count then count = { 0, 0, false }; by_type[kind] = count; ready[kind] = {} end
  if is_due then
    local set = ready[kind]
    set[#set + 1] = score_of(kind, tonumber(ARGV[at + 2]), ARGV[at + 3]); set[#set + 1] = id
    count[1] = count[1] + 1
  else
    scheduled[#scheduled + 1] = run_at; scheduled[#scheduled + 1] = id
    count[2] = count[2] + 1
    if run_at < next_due then next_due = run_at; count[3] = true end
  end
  return true
end

local function add_all(key, pairs_list) -- in parts: Lua's unpack ends at 8,000
  for i = 1, #pairs_list, 1000 do redis.call('ZADD', key, unpack(pairs_list, i, math.min(i + 999, #pairs_list))) end
end

local at, index = 3, 0
while at <= #ARGV do
  local key, fingerprint, ttl, n = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local verdict, first = nil, ARGV[at + 4]
  if key ~= '' then
    local known = redis.call('GET', ns .. 'idem:' .. key)
    if known then
      local known_print, known_first = string.match(known, '^(%S+) (%S+)$')
      if known_first ~= first then verdict = known_print == fingerprint and 'replayed' or 'conflict'; first = known_first end
    else
      redis.call('SET', ns .. 'idem:' .. key, fingerprint .. ' ' .. first, 'PX', ttl)
    end
  end
  for i = 0, n - 1 do
    if verdict then break end
    if not enqueue(at + 4 + i * 6) then verdict = 'exists' end -- ids of one submission come and go together: the first decides
  end
  if verdict then
    reply[#reply + 1] = index; reply[#reply + 1] = verdict; reply[#reply + 1] = first
  end
  at, index = at + 4 + n * 6, index + 1
end

add_all(ns .. 'live', live)
add_all(ns .. 'scheduled', scheduled)
for slot, tags in pairs(last) do
  for group, tag in pairs(tags.of) do redis.call('ZADD', ns .. 'fair:' .. slot, tag, group) end
end
for kind, count in pairs(by_type) do
  add_all(ns .. 'ready:' .. kind, ready[kind])
  redis.call('HINCRBY', ns .. 'counts', 'accepted:' .. kind, count[1] + count[2])
  if count[2] > 0 then redis.call('HINCRBY', ns .. 'counts', 'scheduled:' .. kind, count[2]) end
  -- Whoever is woken looks for work, or learns of a job that is due before all others.
  if (count[1] > 0 or count[3]) and not (replica ~= '' and redis.call('SREM', ns .. 'idle:' .. kind, replica) == 1) then
    -- one idle replica is enough: a claim that leaves work wakes the next. One that hears nothing any more is passed over.
    for _ = 1, 8 do
      local idle = redis.call('SPOP', ns .. 'idle:' .. kind)
      if not idle or redis.call('PUBLISH', ns .. 'to:' .. idle, 'wake') > 0 then break end
    end
  end
end
return reply
