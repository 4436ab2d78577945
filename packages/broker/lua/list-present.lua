#!lua flags=allow-oom
-- Reads who is present in a channel, a page of them by user, and how many they are. Changes nothing.
--
-- KEYS     1 here  2 who  3 crowd
-- ARGV     1 after: the user to go on after, "" from the start
--          2 limit: how many at most; 0 for the numbers alone
-- Returns  1 online: users in the channel
--          2 mode: as an index of the modes, null where none is known
--          in pairs, ascending by the bytes of the user
--          3 user.. its id
--          4 held.. connections|name

local call = redis.call
local answer = { call("HLEN", KEYS[1]), call("HGET", KEYS[3], "mode") }
if ARGV[2] == "0" then
  return answer
end
local from = ARGV[1] == "" and "-" or "(" .. ARGV[1]
local users = call("ZRANGEBYLEX", KEYS[2], from, "+", "LIMIT", 0, ARGV[2])
if #users > 0 then
  local held = call("HMGET", KEYS[1], unpack(users))
  for at = 1, #users do
    answer[1 + 2 * at], answer[2 + 2 * at] = users[at], held[at]
  end
end
return answer
