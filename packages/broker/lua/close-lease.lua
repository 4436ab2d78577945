#!lua flags=allow-oom
-- Ends the reaping of a node in one partition: takes it off the list once its lease set is empty.
--
-- KEYS     1 leases  2 lease: the node's, in this partition
-- ARGV     1 node: its id
-- Returns  1 closed: 1, or 0 when there is more to reap

redis.call("SREM", KEYS[2], "")
if redis.call("EXISTS", KEYS[2]) == 1 then
  return 0
end
redis.call("SREM", KEYS[1], ARGV[1])
return 1
