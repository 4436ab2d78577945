#!lua flags=allow-oom
-- Puts a node on the list of those whose leases are looked at. Works in a full Redis, as lease.lua does.
-- KEYS[1]  nodes
-- ARGV[1]  the node's id
--      2   its record, JSON
-- Returns  1.
-- Refuses  nothing of its own.

redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
