#!lua flags=allow-oom
-- Renews one node's lease. Works in a full Redis: a persister that is not known to live is given nothing to drain.
-- KEYS[1]  node:<id>
-- ARGV[1]  the node's record, JSON
--      2   how long it counts as living without another word, ms
-- Returns  1.
-- Refuses  nothing of its own.

redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
