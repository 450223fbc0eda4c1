#!lua flags=allow-oom
-- Takes from allowances by the generic cell rate algorithm: of each only the time is kept at which it is whole again.
-- What does not suffice is not taken from, nor are the others of the same request.
-- KEYS: 1 namespace
-- ARGV: for each request: the number of its allowances, then for each of them: name, quota, window (ms), what is taken (less than 0: given back),
--       what has to be left for that (0: it is taken whether or not it suffices)
-- Returns: for each allowance: 1 where it suffices, else 0 · what is left · ms until it is whole · ms until it suffices
local ns = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local reply, at = {}, 1
while at <= #ARGV do
  local count, suffices, taken = tonumber(ARGV[at]), true, {}
  for i = 1, count do
    local first = at + 1 + (i - 1) * 5
    local key, quota, window = ns .. 'rate:' .. ARGV[first], tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
    local whole = math.max(now, tonumber(redis.call('GET', key) or '0'))
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
      if whole > now then redis.call('SET', t.key, string.format('%.3f', whole), 'PX', math.ceil(whole - now)) else redis.call('DEL', t.key) end
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
