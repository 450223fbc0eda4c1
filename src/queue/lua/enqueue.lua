#!lua
-- Enqueues submissions, each once and as a whole. Jobs that nothing waits before may be leased to the caller at once, as by a claim.
-- It lacks allow-oom: a full Redis refuses the call before anything changes.
-- KEYS: 1 namespace
-- ARGV: 1 not_after (ms; later than that nothing is changed) · 2 the caller's replica id if it runs jobs, else "" · 3 seq of such leases ·
--       4 lease (ms) · then, by the first character:
--       "^" first of all: an id whose payload was stored under p:<id>, until a time that this call takes away
--       "+" a type: the caller has free slots for all of its jobs in this call that say no time to start
--       a job: its id (36) and its text, whose state is "q", or "s" after a "@"
--       ">" type|priority|group of the jobs that follow · "@" run_at (ms) of the job that follows
--       "#" n [key fingerprint ttl (ms)]: the next n arguments are one submission, of several jobs or with an idempotency key
-- Returns: now (ms), 1 in time, 0 late or 2 where a payload is not there (nothing is changed then), a letter for each job where any "+" was given (else ""): "r" leased to the caller ·
--          "q" or "s" waits · "-" known before, or passed over; then for each key that was known: its index from 0 among the keys, "replayed" | "conflict", the first id
local ns, replica = KEYS[1], ARGV[2]
local call, sub, byte, format = redis.call, string.sub, string.byte, string.format
if is_late(ARGV[1]) then return { now, 0 } end

local at, large = 5, {}
while at <= #ARGV and byte(ARGV[at]) == 94 do -- ^
  local id = sub(ARGV[at], 2)
  if call('EXISTS', payloads .. id) == 0 then return { now, 2 } end
  large[id] = true
  at = at + 1
end

local next_due = tonumber(call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')[2] or math.huge)
local reply, live, n_live, scheduled, groups, by_type, current = { now, 1, '' }, {}, 0, {}, {}, {}, nil
local MARKS = { [62] = true, [64] = true, [43] = true, [35] = true } -- > @ + #
local leased, heads, head, until_text, letters, nth = {}, {}, nil, nil, {}, 0

local function type_of(kind)
  local of_type = by_type[kind]
  if not of_type then of_type = { ready = {}, due = 0, later = 0, leased = 0, is_next = false, is_leased = false }; by_type[kind] = of_type end
  return of_type
end

-- Where nothing waits, and nothing is due, no priority and no group is passed over, and no tag says anything.
local function lease_type(kind)
  type_of(kind).is_leased = next_due > now and call('EXISTS', ns .. 'ready:' .. kind) == 0 and call('SISMEMBER', ns .. 'paused', kind) == 0
  if not head then
    head = 'r010000' .. lease_of(now, replica, ARGV[3])
    until_text = format('%.0f', now + tonumber(ARGV[4]))
  end
end

-- Where the jobs of one type, priority and group go: their set, and what a tag is added to.
local function enter(context)
  local group = groups[context]
  if not group then
    local kind, priority, name = string.match(context, '^>([%w_]+)|(%d)|(.*)$')
    group = { kind = kind, slot = kind .. ':' .. priority, name = name, band = (9 - priority) * BAND, of_type = type_of(kind) }
    groups[context] = group
  end
  return group
end

-- The tag of the last job of a group, before this call.
local function last_tag(group)
  local slot = group.slot
  return math.max(tonumber(call('HGET', ns .. 'vtime', slot) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. slot, group.name) or 0))
end

-- Where a job that is new goes to: to the caller, among those that wait, or that wait for their time.
local function place(id, run_at)
  local of_type = current.of_type
  local is_due = not run_at or run_at <= now
  if is_watched then changed(is_due and 'q' or 's', id, current.kind) end
  n_live = n_live + 2
  live[n_live - 1] = '0'; live[n_live] = id
  if large[id] then call('PERSIST', payloads .. id) end
  if of_type.is_leased and not run_at then
    local n = #heads
    of_type.leased = of_type.leased + 1
    leased[n + 1] = until_text; leased[n + 2] = id
    heads[n + 1] = id; heads[n + 2] = head
    letters[nth] = 'r'
    if is_watched then changed('r', id, current.kind) end
  elseif is_due then
    letters[nth] = 'q'
    local ready, due = of_type.ready, of_type.due + 1
    current.tag = (current.tag or last_tag(current)) + 1
    ready[2 * due - 1] = format('%d', current.band + current.tag + (large[id] and LARGE or 0)); ready[2 * due] = id -- Redis itself writes a number as %.17g, which takes four times as long
    of_type.due = due
  else
    scheduled[#scheduled + 1] = run_at; scheduled[#scheduled + 1] = id
    of_type.later = of_type.later + 1
    letters[nth] = 's'
    if run_at < next_due then next_due = run_at; of_type.is_next = true end
  end
end

-- Returns whether the job is new.
local function enqueue(arg, run_at)
  local id, value = sub(arg, 1, 36), sub(arg, 37)
  if run_at and run_at <= now then value = 'q' .. sub(value, 2) end
  nth = nth + 1
  letters[nth] = '-'
  local is_new = call('SET', jobs .. id, value, 'NX')
  if is_new then place(id, run_at) end
  return is_new
end

-- Enqueues the jobs in a row from here to `last` at most, with one command. Returns the index of the last of them, and whether it could: all were new.
local function enqueue_row(at, last)
  local ids, texts, seen, n = {}, {}, {}, 0
  for i = at, math.min(last, at + 999) do
    local arg = ARGV[i]
    local id = sub(arg, 1, 36)
    if MARKS[byte(arg)] or seen[id] then break end
    seen[id] = true
    n = n + 1
    ids[n] = id
    texts[2 * n - 1] = jobs .. id; texts[2 * n] = sub(arg, 37)
  end
  if call('MSETNX', unpack(texts)) == 0 then return at + n - 1, false end
  for i = 1, n do
    nth = nth + 1
    place(ids[i])
  end
  return at + n - 1, true
end

-- Whether a key is known for another submission; if it is not known, it is from now on.
local function is_repeat(key, fingerprint, ttl, first, index)
  local known = call('GET', ns .. 'idem:' .. key)
  if not known then call('SET', ns .. 'idem:' .. key, fingerprint .. ' ' .. first, 'PX', ttl); return false end
  local known_print, known_first = string.match(known, '^(%S+) (%S+)$')
  if known_first == first then return false end
  reply[#reply + 1] = index; reply[#reply + 1] = known_print == fingerprint and 'replayed' or 'conflict'; reply[#reply + 1] = known_first
  return true
end

-- The jobs of a submission whose key, or whose first id, was known. With a known key they have ids of their own, which nothing will ever have.
local function pass_over(from, to, is_repeated)
  for i = from, to do
    if not MARKS[byte(ARGV[i])] then
      nth = nth + 1; letters[nth] = '-'
      local id = sub(ARGV[i], 1, 36)
      if is_repeated and large[id] then call('UNLINK', payloads .. id) end
    end
  end
  return to
end

local function first_id(at)
  while MARKS[byte(ARGV[at])] do at = at + 1 end
  return sub(ARGV[at], 1, 36)
end

local n, last, keyed, run_at = #ARGV, 0, 0, nil -- last: where a submission of several arguments ends
while at <= n do
  local arg = ARGV[at]
  local mark = byte(arg)
  if mark == 62 then
    current = enter(arg)
  elseif mark == 64 then
    run_at = tonumber(sub(arg, 2))
  elseif mark == 43 then
    lease_type(sub(arg, 2))
  elseif mark == 35 then
    local count, key, fingerprint, ttl = string.match(arg, '^#(%d+) ?(%S*) ?(%S*) ?(%d*)$')
    last = at + tonumber(count)
    if key ~= '' then
      if is_repeat(key, fingerprint, ttl, first_id(at + 1), keyed) then at = pass_over(at + 1, last, true) end
      keyed = keyed + 1
    end
  else
    local to, is_done = at, false
    if not run_at then to, is_done = enqueue_row(at, at < last and last or n) end
    while not is_done and at <= to do
      if not enqueue(ARGV[at], run_at) and at < last then at = pass_over(at + 1, last) end -- ids of one submission come and go together: the first decides
      at = at + 1
    end
    at = math.max(at - 1, to)
    run_at = nil
  end
  at = at + 1
end

local function add_all(command, key, pairs_list) -- in parts: Lua's unpack ends at 8,000
  for i = 1, #pairs_list, 1000 do call(command, key, unpack(pairs_list, i, math.min(i + 999, #pairs_list))) end
end

if head then reply[3] = table.concat(letters) end
add_all('ZADD', ns .. 'live', live)
add_all('ZADD', ns .. 'scheduled', scheduled)
add_all('ZADD', ns .. 'leased', leased)
add_all('HSET', states, heads)
for _, group in pairs(groups) do
  if group.tag then call('ZADD', ns .. 'fair:' .. group.slot, group.tag, group.name) end
end
for kind, of_type in pairs(by_type) do
  local due, later, at_once = of_type.due, of_type.later, of_type.leased
  add_all('ZADD', ns .. 'ready:' .. kind, of_type.ready)
  if due + later + at_once > 0 then call('HINCRBY', ns .. 'counts', 'accepted:' .. kind, due + later + at_once) end
  if at_once > 0 then call('HINCRBY', ns .. 'counts', 'running:' .. kind, at_once) end
  if later > 0 then call('HINCRBY', ns .. 'counts', 'scheduled:' .. kind, later) end
  -- Whoever is woken looks for work, or learns of a job that is due before all others.
  if (due > 0 or of_type.is_next) and not (replica ~= '' and call('SREM', ns .. 'idle:' .. kind, replica) == 1) then wake(kind) end
end
announce()
return reply
