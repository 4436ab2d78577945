#!lua flags=allow-oom
-- Asks for the office of clearing away after dead nodes, and answers its holder who is on the list and how each does, instead of
-- one answer for each node: for a server that holds all keys. Runs with allow-oom, since a full Redis needs its offices more
-- than ever.
--
-- KEYS     1 office  2 nodes
--          for each node that was on the list at the last look  3 lease..
-- ARGV     1 node: its id
--          2 held: how long without asking again, ms
-- Returns  1 serving: the replication id of this server
--          2 holds: 1 to the node that holds the office, else 0, and that is all
--          for each of those nodes
--          3 lease.. what it holds, null where it ended
--          then
--          4 node.. id of each node that is on the list now

--> office
--> lease-of
local answer, known = { string.match(redis.call("INFO", "replication"), "master_replid:(%x+)"), holds and 1 or 0 }, #KEYS - 2
if not holds then
  return answer
end
for at = 1, known do
  answer[2 + at] = leaseOf(KEYS[2 + at])
end
for at, node in ipairs(redis.call("HKEYS", KEYS[2])) do
  answer[2 + known + at] = node
end
return answer
