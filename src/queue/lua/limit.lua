#!lua flags=allow-oom
-- Takes from token buckets by the generic cell rate algorithm, which stores only the time at which a bucket is full
-- again. A request takes from none of its buckets unless all of them suffice.
-- KEYS: 1 namespace
-- ARGV: for each request: the number of its buckets, then for each: name, quota, window (ms), tokens to take (negative:
--       to give back), tokens that must be left for that (0: take them unconditionally)
-- Returns: for each bucket: 1 if it suffices, else 0 · tokens left · ms until it is full · ms until it suffices
local ns = KEYS[1]
local now = time[1] * 1000 + time[2] / 1000 -- to the microsecond
local call = redis.call

-- A debt beyond one window is stored with the time of the write, which shows how far ahead it was at that time.
local function write(key, full_at, window)
  local value = string.format('%.3f', full_at)
  if full_at > now + window then value = value .. string.format(' %.3f', now) end
  call('SET', key, value, 'PX', math.ceil(full_at - now))
end

-- When a bucket is full again. After Redis's clock went back it is full now, except for a debt.
local function full_at_of(key, window)
  local full_at, written = string.match(call('GET', key) or '0', '^(%S+) ?(%S*)$')
  written = tonumber(written)
  if not written then return math.max(now, believed(full_at, window + 1)) end
  if written <= now + 1 then return math.max(now, tonumber(full_at)) end
  write(key, now + full_at - written, window)
  return now + full_at - written
end

local reply, at = {}, 1
while at <= #ARGV do
  local count, suffices, buckets = tonumber(ARGV[at]), true, {}
  for i = 1, count do
    local first = at + 1 + (i - 1) * 5
    local key, quota, window = ns .. 'rate:' .. ARGV[first], tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
    local full_at = full_at_of(key, window)
    local each, needed = window / quota, tonumber(ARGV[first + 4])
    local lacks = full_at + each * needed - window - now
    local fits = needed == 0 or lacks <= 0.001
    suffices = suffices and fits
    buckets[i] = { key = key, each = each, window = window, full_at = full_at, after = full_at + each * tonumber(ARGV[first + 3]), lacks = lacks, fits = fits }
  end
  for _, bucket in ipairs(buckets) do
    local full_at = bucket.full_at
    if suffices and bucket.after ~= full_at then
      full_at = math.max(now, bucket.after)
      if full_at > now then write(bucket.key, full_at, bucket.window) else call('DEL', bucket.key) end
    end
    reply[#reply + 1] = bucket.fits and 1 or 0
    reply[#reply + 1] = math.max(0, math.floor((bucket.window - (full_at - now)) / bucket.each + 0.001))
    reply[#reply + 1] = math.ceil(full_at - now)
    reply[#reply + 1] = math.max(0, math.ceil(bucket.lacks))
  end
  at = at + 1 + count * 5
end
return reply
