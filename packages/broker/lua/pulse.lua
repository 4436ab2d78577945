#!lua flags=allow-oom
-- Once a second and Redis master: what one edge compares with what it has seen, and a probe that shows its topics still
-- reach it. Changes nothing. A hash of another type than ours is told as one without fields: it must not silence the others.
-- On a Cluster all keys lie in one slot, so there it is called for each partition by itself.
--
-- KEYS     1 probe: its topic; sent after everything announced before
--          2 hash.. to read: the `part` of each partition, then the head of each channel
-- ARGV     1 parts: how many of the hashes are partitions
--          2 which: "probe" to send the probe and tell who serves, "" for neither
-- Returns  1 now, ms on this server's clock
--          2 serving: the replication id of the server which answers, "" unless it was asked for
--          3 fields.. of each hash, as strings, "" for one that is not there:
--            of a partition `owner` (the replication id under which its epoch began), `epoch`, `stored` (its watermark),
--            `unstored` (the count that save.lua keeps beside it) and `control` (the number of the last change of rights);
--            of a channel `epoch` and `seq` of the position numbered last, `saved`, up to which Postgres has it, and
--            `corrected`, see correct.lua

local call = redis.call

--> clock

local parts = tonumber(ARGV[1])
local answer = { now, "" }
for i = 2, #KEYS do
  local fields
  if i <= parts + 1 then
    fields = redis.pcall("HMGET", KEYS[i], "owner", "epoch", "stored", "unstored", "control")
  else
    fields = redis.pcall("HMGET", KEYS[i], "epoch", "seq", "saved", "corrected")
  end
  answer[i + 1] = fields.err and {} or fields
end

if ARGV[2] == "probe" then
  answer[2] = string.match(call("INFO", "replication"), "master_replid:(%x+)") or ""
  call("SPUBLISH", KEYS[1], "")
end
return answer
