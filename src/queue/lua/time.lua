-- Redis's clock, and which stored times are trusted. Not a verb: scripts.ts inserts it into each script that reads the
-- clock.
-- The clock may be set while jobs wait and run: by NTP, or by a failover to another machine. After it went back, every
-- stored time is too far ahead by the same amount. So the scripts trust no stored time that is further ahead than it
-- can have been when it was stored; only run_at may be any time.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- A caller's longest wait plus the error of its clock (ms): SUBMIT_TIMEOUT_MS is at most 60 s
local LONGEST_CALL = 65000

-- A stored time, or 0 if it is more than `longest` ms ahead.
local function believed(stored, longest)
  local at = tonumber(stored or 0)
  return at <= now + longest and at or 0
end

-- Whether a call comes too late to change anything. A caller whose clock is wrong because Redis's went back learns that
-- from the reply.
local function is_late(not_after) return now > believed(not_after, LONGEST_CALL) end

