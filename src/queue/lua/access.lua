#!lua flags=no-writes,allow-oom
-- Which commands the user of this connection may not run. Each is given whole: Redis 7.0 crashes where it looks for a key that is missing.
-- ARGV: 1 a key · 2 a channel · then commands with their arguments, spaces between, K for the key and C for the channel
-- Returns: the numbers of those that are denied, the first being 1
local places, denied = { K = ARGV[1], C = ARGV[2] }, {}
if not redis.acl_check_cmd then return denied end -- a server that is compatible but for this
for i = 3, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do words[#words + 1] = places[word] or word end
  local isKnown, isAllowed = pcall(redis.acl_check_cmd, unpack(words))
  if not (isKnown and isAllowed) then denied[#denied + 1] = i - 2 end
end
return denied
