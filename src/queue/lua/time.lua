-- Redis's clock, and which stored times are believed. No verb: scripts.ts puts it before each script that looks at the clock.
-- The clock may be set while jobs wait and run: by NTP, or by a failover to another machine. Once it went back, all that was stored before lies
-- ahead by as much. So no stored time is believed beyond what it can have meant when it was stored; only run_at of a submission is any time.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local LONGEST_CALL = 65000 -- ms that a caller waits, and may be wrong about the clock: SUBMIT_TIMEOUT_MS is 60 s at most

-- A stored time, or 0 where it lies more than `longest` ms ahead.
local function believed(stored, longest)
  local at = tonumber(stored or 0)
  return at <= now + longest and at or 0
end

-- Whether a call comes too late to change anything. A caller that does not know yet that the clock went back learns it from the answer.
local function is_late(not_after) return now > believed(not_after, LONGEST_CALL) end

