-- When jobs are tried again after Redis's clock went back; see time.lua. No verb: scripts.ts puts it before each script that lets jobs wait for a retry.

-- The time for a job to be tried again: no longer from now than was meant, where its last attempt ended in the future. `state`: its head and records.
local function tried_again_at(run_at, state)
  local last = string.match(state, '.*\n(.*)') or ''
  local ended, meant = tonumber(string.match(last, '"finished_at":(%d+)')), tonumber(string.match(last, '"next_at":(%d+)')) -- quotes in a record's texts are escaped
  if not ended or not meant or ended <= now + 1000 then return run_at end
  return math.min(run_at, now + math.max(0, meant - ended))
end

-- Looks through a part of all that is scheduled, and moves what is to be tried again. Returns the cursor of the next part, "0" after the last.
local function bring_back_retries(cursor)
  local scheduled, bytes = KEYS[1] .. 'scheduled', 0
  for _ = 1, 10 do
    local part = redis.call('ZSCAN', scheduled, cursor, 'COUNT', 100)
    cursor = part[1]
    for at = 1, #part[2], 2 do
      local id, run_at = part[2][at], tonumber(part[2][at + 1])
      local state = redis.call('HGET', states, id)
      if state and string.sub(state, 1, 1) == 't' then
        local again = tried_again_at(run_at, state)
        if again ~= run_at then redis.call('ZADD', scheduled, 'XX', again, id) end
      end
      bytes = bytes + (state and #state or 0)
    end
    if cursor == '0' or bytes > 2097152 then break end
  end
  return cursor
end

