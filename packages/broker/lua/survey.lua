#!lua flags=allow-oom
-- Asks for the office of looking at the cluster, and answers its holder all that a look needs to know, instead of one answer
-- for each partition: for a server that holds all keys. A key of another type than ours is told as absent: it must not hide
-- the others. Runs with allow-oom, since a full Redis needs its offices more than ever.
--
-- KEYS     1 office  2 nodes
--          for each partition  3 part..
-- ARGV     1 node: its id
--          2 held: how long without asking again, ms
-- Returns  nothing to a node that does not hold the office; else for each partition, null where it is absent
--          1 in..  2 out..  3 limit..  4 short..  5 over..  6 envelopes..
--          then
--          7 record.. of each node on the list

--> office
if not holds then
  return false
end

local answer, at = {}, 0
for key = 3, #KEYS do
  local fields = redis.pcall("HMGET", KEYS[key], "in", "out", "limit", "short", "over", "envelopes")
  for field = 1, 6 do
    at = at + 1
    answer[at] = not fields.err and fields[field]
  end
end
local records = redis.pcall("HVALS", KEYS[2])
for each = 1, #records do
  answer[at + each] = records[each]
end
return answer
