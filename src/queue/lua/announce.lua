-- Announces changes to the replicas that watch. Not a verb: scripts.ts inserts it into each script that changes a job's
-- status or progress.
-- The keys "watched" and "awaited" contain the names of the channels while a replica watches all changes, or waits for
-- jobs to end. Without these keys the script runs no other command, and does no work per job. Messages are bounded, so
-- that no reader parses a large one in one tick:
--   changes:NAME  entries, separated by an empty line: the entry's id in the stream "history", then up to 100 changes,
--                 one a line: state code (or "p" and three digits of progress), id, type
--   ended:NAME    up to 1,000 ids of jobs that ended, without a separator
local watching = redis.call('MGET', KEYS[1] .. 'watched', KEYS[1] .. 'awaited')
local is_watched, changes, ends = watching[1] or watching[2], {}, {}
local IS_END = { [COMPLETED] = true, [FAILED] = true, [CANCELLED] = true }
-- Bounds the history in bytes, too: 21 MB
local MAX_ENTRIES, ENTRY_CHANGES, ENTRY_BYTES, MESSAGE_BYTES = 4000, 100, 5000, 65536

local function changed(state, id, job_type) -- call it only if is_watched
  changes[#changes + 1] = state .. id .. job_type
  if IS_END[state] then ends[#ends + 1] = id end
end

local function announce()
  for i = 1, watching[2] and #ends or 0, 1000 do
    redis.call('PUBLISH', KEYS[1] .. 'ended:' .. watching[2], table.concat(ends, '', i, math.min(i + 999, #ends)))
  end
  if not watching[1] or #changes == 0 then return end
  local history, channel, entries, message_bytes, i = KEYS[1] .. 'history', KEYS[1] .. 'changes:' .. watching[1], {}, 0, 1
  while i <= #changes do
    local last, bytes = i, #changes[i]
    while last < #changes and last - i < ENTRY_CHANGES - 1 and bytes + #changes[last + 1] < ENTRY_BYTES do
      last = last + 1
      bytes = bytes + #changes[last] + 1
    end
    local lines = table.concat(changes, '\n', i, last)
    entries[#entries + 1] = redis.call('XADD', history, 'MAXLEN', '~', MAX_ENTRIES, '*', 'c', lines) .. '\n' .. lines
    message_bytes, i = message_bytes + bytes, last + 1
    if message_bytes > MESSAGE_BYTES or i > #changes then
      redis.call('PUBLISH', channel, table.concat(entries, '\n\n'))
      entries, message_bytes = {}, 0
    end
  end
  redis.call('EXPIRE', history, 60) -- for replicas that reconnect within seconds
end

