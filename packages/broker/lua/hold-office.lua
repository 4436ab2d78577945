#!lua flags=allow-oom
-- Gives one duty of the cluster to one node at a time: whoever asks first holds it for as long as it goes on asking.
-- Runs with allow-oom, since a full Redis needs its offices more than ever.
--
-- KEYS     1 office
-- ARGV     1 node: its id
--          2 held: how long without asking again, ms
-- Returns  1 holds: 1 when the node holds it, else 0

local holder = redis.call("GET", KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
