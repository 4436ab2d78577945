#!lua flags=allow-oom
-- Reads the lease of one node, where the leases of others may lie on other servers. Runs with allow-oom, since a full Redis is
-- emptied by what follows.
--
-- KEYS     1 lease
-- ARGV     none
-- Returns  1 serving: the replication id of this server
--          2 lease: what it holds, null where it ended

--> lease-of
return { string.match(redis.call("INFO", "replication"), "master_replid:(%x+)"), leaseOf(KEYS[1]) }
