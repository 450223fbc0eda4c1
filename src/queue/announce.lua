-- Tells whoever watches what changes. No verb: scripts.ts puts it before each script that changes a job's status or progress.
-- Keys: "watched" and "awaited" hold what names the channels, while a replica watches all changes, or waits for jobs to end; no other
-- command is run, and nothing done for a job, while nobody does. A call publishes at most once to each:
--   changes:NAME  entries, an empty line between: its id in the stream "history", then up to 100 changes, one a line: state ("p" and three
--                 digits: progress), id, type      ended:NAME  the ids of jobs that ended, one after the other
local watching = redis.call('MGET', KEYS[1] .. 'watched', KEYS[1] .. 'awaited')
local is_watched, changes, ends = watching[1] or watching[2], {}, {}
local IS_END = { c = true, f = true, x = true }

local function changed(state, id, kind) -- only where is_watched
  changes[#changes + 1] = state .. id .. kind
  if IS_END[state] then ends[#ends + 1] = id end
end

local function announce()
  if watching[2] and #ends > 0 then redis.call('PUBLISH', KEYS[1] .. 'ended:' .. watching[2], table.concat(ends)) end
  if not watching[1] or #changes == 0 then return end
  local history, entries = KEYS[1] .. 'history', {}
  for i = 1, #changes, 100 do -- entries of some 5 KB: the stream is bounded in bytes, too (20 MB)
    local lines = table.concat(changes, '\n', i, math.min(i + 99, #changes))
    entries[#entries + 1] = redis.call('XADD', history, 'MAXLEN', '~', 4000, '*', 'c', lines) .. '\n' .. lines
  end
  redis.call('EXPIRE', history, 60) -- of use to those who come back within seconds
  redis.call('PUBLISH', KEYS[1] .. 'changes:' .. watching[1], table.concat(entries, '\n\n'))
end

