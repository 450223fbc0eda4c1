#!lua flags=allow-oom
-- Settles attempts of one replica: terminal ones move from leased to the outbox, the others back to wait.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 how long it owns what it puts into the outbox (ms) · 3 number of arguments that follow up to the callbacks ·
--       then, by the first character: ">" the type of the attempts that follow · "=" a terminal verdict, and what Redis most likely holds of the
--       attempts that follow: a head (41), of which only the verdict changes, so that they come without one; alone, it ends that ·
--       "@" when the one attempt that follows is to be tried again (ms, 13), its priority, ">" where its payload is large ·
--       an attempt: id (36), what becomes of the job: a head (41) that starts with the verdict (c f x: terminal · t: retry · q: released) and bears
--       the token of the lease, and its record (a newline and one line, or nothing) ·
--       then callbacks, each enqueued when its attempt's settle was done: index of the attempt from 0, id, type, text
-- Returns: now (ms), then a letter for each attempt in one text: "k" done, "d" done before, "s" stale, "x" a cancellation came first: settle as cancelled
local ns, replica, own, n = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local call, sub, byte = redis.call, string.sub, string.byte
local TERMINAL = { c = 'completed:', f = 'failed:', x = 'cancelled:' }
local letters, counts, left, after, becomes, outbox, woken, settled, ended = {}, {}, {}, {}, {}, {}, {}, 0, 0
local tallies = {} -- by type: attempts that leave running, and terminal verdicts
local owned_until = string.format('%.0f', now + own) -- a number would be written anew for each job

local function count(field, by) counts[field] = (counts[field] or 0) + by end

-- Puts a job back to wait. Returns its state: to be retried later, or queued.
local function wait_again(id, kind, state, again)
  local run_at, priority = tried_again_at(tonumber(sub(again, 2, 14)), state), sub(again, 15, 15)
  if run_at > now then
    call('ZADD', ns .. 'scheduled', run_at, id)
    count('retrying:' .. kind, 1)
    if is_watched then changed('t', id, kind) end
    return 't'
  end
  local slot = kind .. ':' .. priority
  local tag = tonumber(call('HGET', ns .. 'vtime', slot) or 0) -- a released job goes to the front: it has waited already
  if byte(state) ~= 113 then -- q
    local group = string.match(start_of(id), '^[%w_]+|%d+>?%d*|([^|]*)|', 3)
    tag = math.max(tag, tonumber(call('ZSCORE', ns .. 'fair:' .. slot, group) or 0)) + 1
    call('ZADD', ns .. 'fair:' .. slot, tag, group)
  end
  woken[kind] = true
  if is_watched then changed('q', id, kind) end
  call('ZADD', ns .. 'ready:' .. kind, score_of(priority, tag, state, #again == 16), id)
  return 'q'
end

local expected -- what Redis most likely holds of the attempts at hand, or false

local function settle(kind, tally, id, state, before, again)
  local is_plain = before and before == expected -- as most are: all that is looked at below is as it should be
  local verdict = sub(state, 1, 1)
  if not is_plain then
    if not before or sub(before, 24, 41) ~= sub(state, 24, 41) then return 's' end
    if byte(before) ~= 114 then return 'd' end -- r
    if byte(before, 7) == 49 and verdict ~= 'c' and verdict ~= 'x' then return 'x' end
  end
  local is_end = TERMINAL[verdict]
  settled = settled + 1
  left[settled] = id
  tally.settled = tally.settled + 1
  if is_end then
    ended = ended + 1
    outbox[2 * ended - 1] = owned_until; outbox[2 * ended] = id
    tally[verdict] = tally[verdict] + 1
    if is_watched then changed(verdict, id, kind) end
  end
  if not is_plain and (not is_end or #before > 41 or sub(before, 7, 10) ~= '0---') then -- what the caller does not know stays: a cancellation, the last progress, records before this one
    local letter = is_end and verdict or wait_again(id, kind, state, again)
    state = letter .. sub(state, 2, 6) .. sub(before, 7) .. sub(state, 42)
  end
  after[2 * settled - 1] = id; after[2 * settled] = state
  becomes[id] = state
  return 'k'
end

local MARKS = { [62] = true, [64] = true, [61] = true } -- > @ =
local WAIT = '^@' .. string.rep('%d', 14) .. '>?$'
local ids = {}
for at = 4, 3 + n do
  local arg = ARGV[at]
  local mark = byte(arg)
  if not MARKS[mark] then ids[#ids + 1] = sub(arg, 1, 36)
  elseif mark == 64 and not string.match(arg, WAIT) then error('no time and priority: ' .. arg) end -- while nothing is changed: what a script has written stays when it fails
end
local current, tally, known, again, head
local last = 0
for at = 4, 3 + n do
  local arg = ARGV[at]
  local mark = byte(arg)
  if mark == 62 then
    current = sub(arg, 2)
    tally = tallies[current] or { settled = 0, c = 0, f = 0, x = 0 }
    tallies[current] = tally
  elseif mark == 64 then
    again = arg
  elseif mark == 61 then
    expected = #arg > 1 and sub(arg, 3)
    head = sub(arg, 2, 2) .. sub(arg, 4)
  else
    if last % 1000 == 0 then known = call('HMGET', states, unpack(ids, last + 1, math.min(last + 1000, #ids))) end
    last = last + 1
    local id = ids[last]
    local state = sub(arg, 37)
    if expected then state = head .. state end
    letters[last] = settle(current, tally, id, state, becomes[id] or known[(last - 1) % 1000 + 1], again)
  end
end
for kind, of_kind in pairs(tallies) do
  if of_kind.settled > 0 then count('running:' .. kind, -of_kind.settled) end
  for verdict, name in pairs(TERMINAL) do
    if of_kind[verdict] > 0 then count(name .. kind, of_kind[verdict]) end
  end
end
for at = 4 + n, #ARGV, 4 do
  local kind = ARGV[at + 2]
  if letters[tonumber(ARGV[at]) + 1] == 'k' and enqueue_callback(ARGV[at + 1], kind, ARGV[at + 3]) then
    count('accepted:' .. kind, 1)
    woken[kind] = true
  end
end
for i = 1, #left, 1000 do call('ZREM', ns .. 'leased', unpack(left, i, math.min(i + 999, #left))) end
for i = 1, #after, 1000 do call('HSET', states, unpack(after, i, math.min(i + 999, #after))) end
for i = 1, #outbox, 1000 do call('ZADD', ns .. 'outbox', unpack(outbox, i, math.min(i + 999, #outbox))) end
for kind in pairs(woken) do wake(kind) end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
if ended > 0 then
  local minute = ns .. 'ended:' .. math.floor(now / 60000)
  if call('INCRBY', minute, ended) == ended then call('EXPIRE', minute, 1200) end -- kept for the rate over 15 minutes
end
announce()
return { now, table.concat(letters) }
