-- A leased job. Not a verb: scripts.ts inserts it into the scripts that change jobs under their lease.

-- Whether a job runs under the lease with this token (replica and claim number); `state` is its entry in the hash,
-- or false.
local function is_leased_under(token, state)
  return state and string.sub(state, STATE, STATE_END) == RUNNING and string.sub(state, TOKEN, TOKEN_END) == token
end

local function with_progress(state, progress)
  return string.sub(state, 1, CANCEL_END) .. progress .. string.sub(state, STARTED_AT)
end

