#!lua flags=allow-oom
-- Takes from allowances by the generic cell rate algorithm: of each only the time is kept at which it is whole again.
-- What does not suffice is not taken from, nor are the others of the same request.
-- KEYS: 1 namespace
-- ARGV: for each request: the number of its allowances, then for each of them: name, quota, window (ms), what is taken (less than 0: given back),
--       what has to be left for that (0: it is taken whether or not it suffices)
-- Returns: for each allowance: 1 where it suffices, else 0 · what is left · ms until it is whole · ms until it suffices
local ns = KEYS[1]
local now = time[1] * 1000 + time[2] / 1000 -- to the microsecond
local call = redis.call

-- What is owed beyond a window is kept with the time when it was written, from which alone it can be told how far ahead it was meant to be.
local function write(key, whole, window)
  local text = string.format('%.3f', whole)
  if whole > now + window then text = text .. string.format(' %.3f', now) end
  call('SET', key, text, 'PX', math.ceil(whole - now))
end

-- When an allowance is whole again. Where Redis's clock went back it is whole now, but for what was owed.
local function whole_of(key, window)
  local whole, written = string.match(call('GET', key) or '0', '^(%S+) ?(%S*)$')
  written = tonumber(written)
  if not written then return math.max(now, believed(whole, window + 1)) end
  if written <= now + 1 then return math.max(now, tonumber(whole)) end
  write(key, now + whole - written, window)
  return now + whole - written
end

local reply, at = {}, 1
while at <= #ARGV do
  local count, suffices, taken = tonumber(ARGV[at]), true, {}
  for i = 1, count do
    local first = at + 1 + (i - 1) * 5
    local key, quota, window = ns .. 'rate:' .. ARGV[first], tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
    local whole = whole_of(key, window)
    local each, needed = window / quota, tonumber(ARGV[first + 4])
    local lacks = whole + each * needed - window - now
    local fits = needed == 0 or lacks <= 0.001
    suffices = suffices and fits
    taken[i] = { key = key, each = each, window = window, whole = whole, after = whole + each * tonumber(ARGV[first + 3]), lacks = lacks, fits = fits }
  end
  for _, t in ipairs(taken) do
    local whole = t.whole
    if suffices and t.after ~= whole then
      whole = math.max(now, t.after)
      if whole > now then write(t.key, whole, t.window) else call('DEL', t.key) end
    end
    local left = math.max(0, math.floor((t.window - (whole - now)) / t.each + 0.001))
    reply[#reply + 1] = t.fits and 1 or 0
    reply[#reply + 1] = left
    reply[#reply + 1] = math.ceil(whole - now)
    reply[#reply + 1] = math.max(0, math.ceil(t.lacks))
  end
  at = at + 1 + count * 5
end
return reply
