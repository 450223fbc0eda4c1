-- Decides for each attempt whether its destination takes it now, for all replicas together; see destinations.ts.
-- KEYS: 1 namespace
-- ARGV: 1 not after (ms): run later than this, it changes nothing · 2 how long a visit is held without a renewal (ms) · then for each attempt:
--       host, route, whose turn it is when only one may probe, the visit's id (replica, when it began (13 digits), a number),
--       visits of the host at once, visits a second (0: no limit)
-- Returns: now (ms), then for each attempt: 0 when it may go, else in how many ms to come back: less than 0 where that spends a deferral · why:
--       0 none, 1 as many as it may, 2 the host does not answer, 3 visits of the route fail. Late: only now
local lease = tonumber(ARGV[2])
local OPEN_PACE, PROBE_PACE, LEAST, MOST = 20, 100, 100, 30000 -- ms between returns to an open host, to one that is probed · of a wait beyond that
local SPARE = 2 -- visits beyond a full window, for routes that have none under way
local PROBE, YIELD, MOST_TURNS = 10000, 2000, 64 -- a probe that takes longer makes room for another · the last to probe lets others go first (ms)
local NEW_TROUBLE = 600000 -- until then, the trouble of a host may be another caller's (ms)
local FULL, DOWN, FAILING = 1, 2, 3
local tidied = {}

-- How many visits are under way. A replica that has died reports no end of its visits.
local function count(name)
  local held = ns .. 'held:' .. name
  if not tidied[name] then call('ZREMRANGEBYSCORE', held, '-inf', now) end
  return call('ZCARD', held)
end

local function is_full(name, window)
  if count(name) < window then return false end
  local held = ns .. 'held:' .. name
  if not tidied[name] then
    bring_back(held, longest_lease(lease))
    for _, id in ipairs(call('ZRANGE', held, 0, 9)) do
      if call('EXISTS', ns .. 'replica:' .. string.sub(id, 1, 8)) == 0 then call('ZREM', held, id) end
    end
    tidied[name] = true
  end
  return call('ZCARD', held) >= window
end

-- As fast as a window can take them that has grown by the time they come; but one that hangs takes at least as long as it has.
local function pace_of(name, window, duration, most)
  local oldest = now
  for _, id in ipairs(call('ZRANGE', ns .. 'held:' .. name, 0, 9)) do oldest = math.min(oldest, tonumber(string.sub(id, 9, 21)) or now) end
  local age = math.min(now - oldest, MOST)
  return age <= 4 * duration and duration / math.min(most, 4 * window) or age / window
end

local function is_probed(host, turn, known)
  if now < known.probe_until or count(host) >= START + SPARE then return true end
  if turn ~= known.probed_by or now >= known.open_until + YIELD then return false end
  local turns = ns .. 'turns:' .. host
  return call('ZCARD', turns) > (call('ZSCORE', turns, turn) and 1 or 0)
end

-- The first visit of each caller comes back before all others, so that the probes go round.
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
  local tail = math.max(known.tail, from) + pace -- they come back one after the other
  if tail > now + MOST then tail = from + pace end -- or, where that would take too long, in several rounds
  call('HSET', ns .. 'dest:' .. name, 'tail', tail)
  if name == host then call('PEXPIRE', ns .. 'dest:' .. name, KEEP_TROUBLE) else keep_route(host, name, KEEP_TROUBLE) end
  return math.ceil(tail - now)
end

local function enter(host, route, turn, id, h, rate)
  local key = ns .. 'dest:' .. host
  hold(host, id, lease)
  hold(route, id, lease)
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
  local name, from, pace, why = host, now + LEAST, nil, FULL
  if now < h.open_until then
    from, pace, why = h.open_until, OPEN_PACE, DOWN
  elseif now < r.open_until then
    name, from, pace, why = route, r.open_until, OPEN_PACE, FAILING
  elseif h.failures >= FAILURES and is_probed(host, turn, h) then
    pace, why = PROBE_PACE, DOWN
  elseif is_full(route, own_window) then
    name, pace = route, pace_of(route, own_window, duration, most)
    if r.failures >= FAILURES then why = FAILING end
  elseif h.failures < FAILURES and is_full(host, window) and (count(route) > 0 or is_full(host, math.min(most, window + SPARE))) then
    pace = pace_of(host, window, duration, most)
  elseif rate > 0 and h.next - now > 1000 - 1000 / rate then -- a second's worth may come at once (GCRA: ITU-T I.371)
    pace = 1000 / rate
  end
  if not pace then
    enter(host, route, turn, id, h, rate)
    return 0, 0
  end
  local wait = why == DOWN and wait_for_turn(host, turn, from, h) or wait_in_line(host, name, name == host and h or r, from, pace)
  local is_own = r.failures >= FAILURES or h.failures >= FAILURES and (r.failures > 0 or now - h.since > NEW_TROUBLE)
  return is_own and -wait or wait, why
end

local reply = { now }
if is_late(ARGV[1]) then return reply end
for at = 3, #ARGV, 6 do
  local wait, why = admit(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]))
  reply[#reply + 1] = wait
  reply[#reply + 1] = why
end
return reply
