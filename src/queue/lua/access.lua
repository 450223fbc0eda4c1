#!lua flags=no-writes,allow-oom
-- Checks which commands the user of this connection may not run. Each command is given with arguments: Redis 7.0
-- crashes if it looks for a missing key.
-- ARGV: 1 a key · 2 a channel · then commands with their arguments, separated by spaces; K is the key, C the channel
-- Returns: the numbers of the denied commands; the first command is 1
local names, denied = { K = ARGV[1], C = ARGV[2] }, {}
if not redis.acl_check_cmd then return denied end -- a compatible server may lack this function
for i = 3, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do words[#words + 1] = names[word] or word end
  local is_known, is_allowed = pcall(redis.acl_check_cmd, unpack(words))
  if not (is_known and is_allowed) then denied[#denied + 1] = i - 2 end
end
return denied
