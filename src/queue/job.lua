-- How a job is kept; wire.ts says what its texts hold. No verb: scripts.ts puts it before each script that looks at jobs.
--   j:<id>   what was submitted; its first character is the state until the first claim: "q" or "s"
--   states   a hash: from the first claim on, or a cancellation, what became of the job: id → a head of 41 characters, and a record a line
--   ready:<type>   a sorted set: who waits, by priority and tag. Suspects (they lost a lease before) stand in the same order, but behind all others:
--                  only few of them may start, and so none is in the way of who may
local jobs, states = KEYS[1] .. 'j:', KEYS[1] .. 'states'
local UNCLAIMED = '000000---0000000000000--------0000000000' -- of a head, what stands behind the state before the first claim
local BAND, SUSPECTS = 281474976710656, 2814749767106560 -- a priority's range of tags · how far behind its turn a suspect stands

-- A job as one text: state, priority, the rest of the head, the rest of what was submitted, records. `state` is what the hash holds, or false.
local function whole(text, state)
  local sub = string.sub
  if not state then return sub(text, 1, 2) .. UNCLAIMED .. sub(text, 3) end
  return sub(state, 1, 1) .. sub(text, 2, 2) .. sub(state, 2, 41) .. sub(text, 3) .. sub(state, 42)
end

-- What a job's text begins with: enough for its type, its group and the first of its options, which are bounded.
local function start_of(id) return redis.call('GETRANGE', jobs .. id, 0, 1151) end

-- Whether a job has lost a lease; `state` is what the hash holds of it, or false.
local function is_suspect(state) return state and string.byte(state, 4) ~= 48 end -- 0 crashes

local function score_of(priority, tag, state) return (9 - priority) * BAND + tag + (is_suspect(state) and SUSPECTS or 0) end

-- Of a head, what stands behind the counters while a job is leased: by a claim, or by the call that enqueued it.
local function lease_of(now, replica, seq) return string.format('---%013.0f', now) .. replica .. string.format('%010d', seq) end

