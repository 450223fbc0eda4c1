#!lua flags=no-writes,allow-oom
-- What the user of this connection may not do.
-- ARGV: 1 a key · 2 a channel · then commands, as "get" or "script|load"
-- Returns: 1 if the key may not be used, else 0, 1 if the channel may not, else 0, and the commands that may not be run
local key, channel = ARGV[1], ARGV[2]
local denied = { 0, 0 }
if not redis.acl_check_cmd then return denied end -- a server that is compatible but for this
for i = 3, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '[^|]+') do words[#words + 1] = word end
  local isKnown, isAllowed = pcall(redis.acl_check_cmd, unpack(words))
  if not (isKnown and isAllowed) then
    denied[#denied + 1] = ARGV[i]
  elseif words[1] == 'set' and not redis.acl_check_cmd('set', key, '', 'get') then
    denied[1] = 1
  elseif words[1] == 'publish' and not redis.acl_check_cmd('publish', channel, '') then
    denied[2] = 1
  end
end
return denied
