-- How a job is kept; wire.ts says what its texts hold. No verb: scripts.ts puts it before each script that looks at jobs.
--   j:<id>   what was submitted; its first character is the state until the first claim: "q" or "s"
--   p:<id>   a large payload, in whose place j:<id> has its size (">" and bytes, behind max_attempts). No script reads one
--   states   a hash: from the first claim on, or a cancellation, what became of the job: id → a head of 41 characters, and a record a line
--   ready:<type>   a sorted set: who waits, by priority and tag. Suspects (they lost two leases before) and jobs with large payloads have the same
--                  order, but each in a range behind all others: only few of them may start, and so none is in the way of who may
local jobs, payloads, states = KEYS[1] .. 'j:', KEYS[1] .. 'p:', KEYS[1] .. 'states'
local UNCLAIMED = '000000---0000000000000--------0000000000' -- of a head, what stands behind the state before the first claim
local BAND, SUSPECTS, LARGE = 281474976710656, 2814749767106560, 5629499534213120 -- a priority's range of tags · how far behind their turn these stand

-- A job as one text: state, priority, the rest of the head, the rest of what was submitted, records. `state` is what the hash holds, or false.
local function whole(text, state)
  local sub = string.sub
  if not state then return sub(text, 1, 2) .. UNCLAIMED .. sub(text, 3) end
  return sub(state, 1, 1) .. sub(text, 2, 2) .. sub(state, 2, 41) .. sub(text, 3) .. sub(state, 42)
end

-- What a job's text begins with: enough for its type, its group and the first of its options, which are bounded.
local function start_of(id) return redis.call('GETRANGE', jobs .. id, 0, 1151) end

-- The bytes of a large payload, or nil; `start` is what the job's text begins with.
local function size_of(start) return tonumber(string.match(start, '^[%w_]+|%d+>(%d+)|', 3)) end

-- Whether a job has lost leases twice; `state` is what the hash holds of it, or false. After one loss it is more likely a bystander than the cause.
local function is_suspect(state) return state and string.byte(state, 4) > 49 end -- 1 crash

local function score_of(priority, tag, state, is_large)
  return (9 - priority) * BAND + tag + (is_suspect(state) and SUSPECTS or is_large and LARGE or 0)
end

-- Whether jobs of a priority wait for their turn; `band` is where its range begins.
local function waits(ready, band)
  return redis.call('ZCOUNT', ready, band, band + BAND - 1) > 0 or redis.call('ZCOUNT', ready, LARGE + band, LARGE + band + BAND - 1) > 0
end

-- Of a head, what stands behind the counters while a job is leased: by a claim, or by the call that enqueued it. `seq` has 10 characters.
local function lease_of(now, replica, seq) return string.format('---%013.0f', now) .. replica .. seq end

