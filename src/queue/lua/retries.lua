-- Corrects when retries are due after Redis's clock went back (time.lua). Not a verb: scripts.ts inserts it into each
-- script that schedules retries.

-- When a retry is due: if its last attempt ended in the future, no later than its intended wait from now. `state`:
-- header and records.
local function retry_due_at(run_at, state)
  local last = string.match(state, '.*\n(.*)') or ''
  -- Quotes inside a record's strings are escaped
  local ended, meant = tonumber(string.match(last, '"finished_at":(%d+)')), tonumber(string.match(last, '"next_at":(%d+)'))
  if not ended or not meant or ended <= now + 1000 then return run_at end
  return math.min(run_at, now + math.max(0, meant - ended))
end

-- Reads a part of the scheduled jobs, and corrects the time of retries. Returns the cursor of the next part, "0" after
-- the last.
local function bring_back_retries(cursor)
  local scheduled, bytes = KEYS[1] .. 'scheduled', 0
  for _ = 1, 10 do
    local part = redis.call('ZSCAN', scheduled, cursor, 'COUNT', 100)
    cursor = part[1]
    for at = 1, #part[2], 2 do
      local id, run_at = part[2][at], tonumber(part[2][at + 1])
      local state = redis.call('HGET', states, id)
      if state and string.sub(state, STATE, STATE_END) == RETRYING then
        local due_at = retry_due_at(run_at, state)
        if due_at ~= run_at then redis.call('ZADD', scheduled, 'XX', due_at, id) end
      end
      bytes = bytes + (state and #state or 0)
    end
    if cursor == '0' or bytes > 2097152 then break end
  end
  return cursor
end

