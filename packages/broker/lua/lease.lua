#!lua flags=allow-oom
-- Renews one node's lease. Works in a full Redis: a persister that is not known to live is given nothing to drain.
--
-- KEYS     1 lease
-- ARGV     1 record of the node, JSON
--          2 living: how long it counts as that without another word, ms
-- Returns  1 done: always 1

redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
