#!lua flags=allow-oom
-- Decides for each attempt whether it may visit its destination now, for all replicas together (destinations.ts).
-- KEYS: 1 namespace
-- ARGV: 1 not_after (ms): later than that the script changes nothing
--       2 how long a visit counts without a renewal (ms)
--       then for each attempt: host, route, the caller that takes turns in probing, the visit's id (replica, start
--       (13 digits), a number), visits of the host at once, visits a second (0: no limit)
-- Returns: now (ms), then for each attempt: ms to wait (0: it may go), PUT_OFF_REASON, 1 if the wait spends a deferral,
--          else 0. Late: only now
local lease = tonumber(ARGV[2])
-- ms between returns to an open host, to a probed host · least and most ms of a wait
local OPEN_PACE, PROBE_PACE, LEAST, MOST = 20, 100, 100, 30000
local SPARE = 2 -- visits beyond a full window, for routes that have none under way
-- How long a probe excludes others (ms) · how long the last caller to probe lets others go first (ms)
local PROBE, YIELD, MOST_TURNS = 10000, 2000, 64
local NEW_TROUBLE = 600000 -- for this long after the first failure, the host's failures may be another caller's (ms)
local tidied = {}

-- The number of visits under way. A dead replica does not report the end of its visits.
local function count(name)
  local visits = ns .. 'held:' .. name
  if not tidied[name] then call('ZREMRANGEBYSCORE', visits, '-inf', now) end
  return call('ZCARD', visits)
end

local function is_full(name, window)
  if count(name) < window then return false end
  local visits = ns .. 'held:' .. name
  if not tidied[name] then
    bring_back(visits, longest_lease(lease))
    for _, id in ipairs(call('ZRANGE', visits, 0, 9)) do
      if call('EXISTS', ns .. 'replica:' .. string.sub(id, VISIT_REPLICA, VISIT_REPLICA_END)) == 0 then call('ZREM', visits, id) end
    end
    tidied[name] = true
  end
  return call('ZCARD', visits) >= window
end

-- Ms between returns: the pace of a window that will have grown until then. For a host that hangs, one window takes at
-- least the age of its oldest visits.
local function pace_of(name, window, duration, most)
  local oldest = now
  for _, id in ipairs(call('ZRANGE', ns .. 'held:' .. name, 0, 9)) do
    oldest = math.min(oldest, tonumber(string.sub(id, VISIT_STARTED_AT, VISIT_STARTED_AT_END)) or now)
  end
  local age = math.min(now - oldest, MOST)
  return age <= 4 * duration and duration / math.min(most, 4 * window) or age / window
end

local function is_probed(host, turn, known)
  if now < known.probe_until or count(host) >= START + SPARE then return true end
  if turn ~= known.probed_by or now >= known.open_until + YIELD then return false end
  local turns = ns .. 'turns:' .. host
  return call('ZCARD', turns) > (call('ZSCORE', turns, turn) and 1 or 0)
end

-- The first visit of each caller returns before all others, so that the callers take turns in probing. Nil if this
-- visit is not such a first one.
local function wait_for_turn(host, turn, from, known)
  local turns = ns .. 'turns:' .. host
  local promised = believed(call('ZSCORE', turns, turn) or 0, 2 * OPEN_MOST)
  local others = call('ZCARD', turns)
  if promised > now or others >= MOST_TURNS then return nil end
  local at = from + OPEN_PACE * (others + 1) + (turn == known.probed_by and PROBE_PACE or 0)
  call('ZADD', turns, at, turn)
  call('PEXPIRE', turns, KEEP)
  return math.ceil(at - now)
end

local function wait_in_line(host, name, known, from, pace)
  local tail = math.max(known.tail, from) + pace -- the visits return one after the other
  if tail > now + MOST then tail = from + pace end -- or in several rounds, if that would take too long
  call('HSET', ns .. 'dest:' .. name, 'tail', tail)
  if name == host then call('PEXPIRE', ns .. 'dest:' .. name, KEEP_TROUBLE) else keep_route(host, name, KEEP_TROUBLE) end
  return math.ceil(tail - now)
end

local function enter(host, route, turn, id, h, rate)
  local key = ns .. 'dest:' .. host
  begin_visit(host, id, lease)
  begin_visit(route, id, lease)
  if rate > 0 then call('HSET', key, 'next', math.max(h.next, now) + 1000 / rate) end
  if h.failures >= FAILURES then
    call('HSET', key, 'probe', id, 'probe_until', now + PROBE, 'probed_by', turn)
    call('ZREM', ns .. 'turns:' .. host, turn)
  end
  if not h.is_new or rate > 0 then call('PEXPIRE', key, math.max(KEEP, call('PTTL', key))) end
end

local function admit(host, route, turn, id, most, rate)
  local h, r = known_of(host), known_of(route)
  local window, own_window = math.max(1, math.floor(math.min(h.window, most))), math.max(1, math.floor(math.min(r.window, most)))
  local duration = h.duration or 500
  local name, from, pace, reason = host, now + LEAST, nil, REASON_FULL
  if now < h.open_until then
    from, pace, reason = h.open_until, OPEN_PACE, REASON_DOWN
  elseif now < r.open_until then
    name, from, pace, reason = route, r.open_until, OPEN_PACE, REASON_FAILING
  elseif h.failures >= FAILURES and is_probed(host, turn, h) then
    pace, reason = PROBE_PACE, REASON_DOWN
  elseif is_full(route, own_window) then
    name, pace = route, pace_of(route, own_window, duration, most)
    if r.failures >= FAILURES then reason = REASON_FAILING end
  elseif h.failures < FAILURES and is_full(host, window) and (count(route) > 0 or is_full(host, math.min(most, window + SPARE))) then
    pace = pace_of(host, window, duration, most)
  -- The visits of one second may come at once (GCRA: ITU-T I.371)
  elseif rate > 0 and h.next - now > 1000 - 1000 / rate then
    pace = 1000 / rate
  end
  if not pace then
    enter(host, route, turn, id, h, rate)
    return 0, REASON_NONE, 0
  end
  local wait = reason == REASON_DOWN and wait_for_turn(host, turn, from, h) or wait_in_line(host, name, name == host and h or r, from, pace)
  note_use(host, h)
  note_waiting(host, id, wait)
  local is_own_trouble = r.failures >= FAILURES or h.failures >= FAILURES and (r.failures > 0 or now - h.since > NEW_TROUBLE)
  return wait, reason, is_own_trouble and 1 or 0
end

local reply = { now }
if is_late(ARGV[1]) then return reply end
for at = 3, #ARGV, 6 do
  local wait, reason, spends = admit(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]))
  reply[#reply + 1] = wait
  reply[#reply + 1] = reason
  reply[#reply + 1] = spends
end
return reply
