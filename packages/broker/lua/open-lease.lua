#!lua flags=allow-oom
-- Makes a node's lease sets, with the mark by which it may tell of its people, and lists them where whoever clears away after
-- dead nodes finds them. A repeat changes nothing. On a Cluster the keys of one partition at a time.
--
-- KEYS     for each partition  1 leases..  2 lease..
-- ARGV     1 deadline, ms on this server's clock: a mark that comes late might be a dead node's
--          2 node: its id
-- Returns  1 now, ms on this server's clock
--          2 outcome: ok; or that nothing happened: late
--          3 serving: the replication id of this server

local call = redis.call

--> clock

if now > ARGV[1] + 0 then
  return { now, "late", "" }
end
for keyAt = 1, #KEYS, 2 do
  call("SADD", KEYS[keyAt], ARGV[2])
  call("SADD", KEYS[keyAt + 1], "")
end
return { now, "ok", string.match(call("INFO", "replication"), "master_replid:(%x+)") }
