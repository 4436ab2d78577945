#!lua flags=allow-oom
-- What one look at the cluster needs to know, in one answer instead of one for each partition: for a server that holds all
-- keys. Changes nothing. A key of another type than ours is told as absent: it must not hide the others.
--
-- KEYS     1 nodes
--          for each partition  2 part..
-- ARGV     none
-- Returns  for each partition, null where it is absent
--          1 in..  2 out..  3 limit..  4 short..  5 over..  6 envelopes..
--          then
--          7 record.. of each node on the list

local answer, at = {}, 0
for key = 2, #KEYS do
  local fields = redis.pcall("HMGET", KEYS[key], "in", "out", "limit", "short", "over", "envelopes")
  for field = 1, 6 do
    at = at + 1
    answer[at] = not fields.err and fields[field]
  end
end
local records = redis.pcall("HVALS", KEYS[1])
for each = 1, #records do
  answer[at + each] = records[each]
end
return answer
