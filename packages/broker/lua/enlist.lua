#!lua flags=allow-oom
-- Puts a node on the list of those whose leases are looked at. Works in a full Redis, as lease.lua does.
--
-- KEYS     1 nodes
-- ARGV     1 node: its id
--          2 record, JSON
-- Returns  1 done: always 1

redis.call("HSET", KEYS[1], ARGV[1], ARGV[2])
return 1
