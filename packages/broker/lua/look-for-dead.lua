#!lua flags=allow-oom
-- Asks for the office of clearing away after dead nodes, and answers its holder who is on the list and how each does, instead of
-- one answer for each node: for a server that holds all keys. Runs with allow-oom, since a full Redis needs its offices more
-- than ever.
--
-- KEYS     1 office  2 nodes
--          for each node that was on the list at the last look  3 lease..
-- ARGV     1 node: its id
--          2 held: how long without asking again, ms
-- Returns  nothing to a node that does not hold the office; else for each of those nodes
--          1 lease.. what it holds, null where it ended
--          then
--          2 node.. id of each node that is on the list now

--> office
if not holds then
  return false
end

local answer, known = {}, #KEYS - 2
for at = 1, known do
  answer[at] = redis.call("GET", KEYS[2 + at])
end
for at, node in ipairs(redis.call("HKEYS", KEYS[2])) do
  answer[known + at] = node
end
return answer
