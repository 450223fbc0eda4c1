-- Enqueues the job that delivers a callback. No verb: scripts.ts puts it before each script that ends jobs.

-- Returns whether it is new: then it is to be counted, and somebody to be woken for it.
local function enqueue_callback(id, kind, text)
  local ns, call = KEYS[1], redis.call
  if not call('SET', jobs .. id, text, 'NX') then return false end
  local slot = kind .. ':5'
  local tag = math.max(tonumber(call('HGET', ns .. 'vtime', slot) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. slot, '') or 0)) + 1
  call('ZADD', ns .. 'fair:' .. slot, tag, '')
  local is_large = size_of(text) ~= nil
  if is_large then call('PERSIST', payloads .. id) end
  call('ZADD', ns .. 'ready:' .. kind, score_of(5, tag, false, is_large), id)
  call('ZADD', ns .. 'live', 0, id)
  if is_watched then changed('q', id, kind) end
  return true
end

