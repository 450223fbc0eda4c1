-- How Redis stores a job (core/packed-job.ts). Not a verb: scripts.ts inserts it into each script that reads or writes
-- jobs. Names in capitals that no file declares (TOKEN, RUNNING …) are constants of lua-constants.ts.
--   j:<id>   the packed submission; its first character is the state until the first claim: queued or scheduled
--   p:<id>   a large payload; j:<id> then has only its size (">" and bytes, after max_attempts). No script reads it
--   states   a hash, id → header and one line per record: the history since its first claim or cancellation
--   ready:<type>   a sorted set: the waiting jobs, by priority and virtual time. Poison candidates (jobs that lost two
--                  leases) and jobs with large payloads have the same order, each in a range after all others: only few
--                  of them may start, so they must not block the others
local jobs, payloads, states = KEYS[1] .. 'j:', KEYS[1] .. 'p:', KEYS[1] .. 'states'
-- The range of virtual times of one priority (2^48), and how far the two other ranges are behind: 10 and 20 times that.
local BAND, POISON_CANDIDATES, LARGE = 281474976710656, 2814749767106560, 5629499534213120

-- A whole packed job. `state` is its entry in the hash, or false.
local function whole(packed, state)
  local sub = string.sub
  if not state then return sub(packed, 1, PRIORITY_END) .. UNCLAIMED .. sub(packed, TYPE) end
  return sub(state, STATE, STATE_END) .. sub(packed, PRIORITY, PRIORITY_END) .. sub(state, ATTEMPT, HEADER_END) .. sub(packed, TYPE) .. sub(state, RECORDS)
end

-- The start of a packed submission: long enough for its type, its group and the first of its options, which are
-- bounded.
local function start_of(id) return redis.call('GETRANGE', jobs .. id, 0, START_BYTES - 1) end

-- The job type of a packed submission.
local function type_of(packed) return string.match(packed, '^[%w_]+', TYPE) end

-- The size of a large payload in bytes, or nil. `start` is the start of the packed submission.
local function size_of(start) return tonumber(string.match(start, '^[%w_]+|%d+>(%d+)|', TYPE)) end

-- Whether a job has lost two leases; `state` is its entry in the hash, or false. After one loss it is more likely a
-- bystander than the cause.
local function is_poison_candidate(state) return state and string.byte(state, CRASHES) > ONE_BYTE end

local function score_of(priority, vtime, state, is_large)
  return (9 - priority) * BAND + vtime + (is_poison_candidate(state) and POISON_CANDIDATES or is_large and LARGE or 0)
end

-- Whether jobs of a priority wait for their turn; `band` is the start of its range.
local function waits(ready, band)
  return redis.call('ZCOUNT', ready, band, band + BAND - 1) > 0 or redis.call('ZCOUNT', ready, LARGE + band, LARGE + band + BAND - 1) > 0
end

-- The columns from progress on, of a job that is leased by a claim, or by the call that enqueued it.
local function lease_of(now, replica, seq) return NO_PROGRESS .. string.format(TIME_FORMAT, now) .. replica .. seq end

