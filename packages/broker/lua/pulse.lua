#!lua flags=allow-oom
-- Once a second and partition: what one edge compares with what it has seen, and a probe that shows its topics still
-- reach it. Changes nothing. A head of another type than ours is told as none: it must not silence its partition.
--
-- KEYS     1 part
--          2 probe: its topic; sent after everything announced before
--          3 head.. of each channel to read
-- ARGV     none
-- Returns  all as strings
--          1 owner: the replication id under which the partition's epoch began
--          2 serving: that of the server which answers
--          3 epoch
--          4 stored: the partition's watermark
--          5 unstored: the count that save.lua keeps beside it
--          6 control number; "0-0" when there is none
--          for each head
--          7 head.. the position numbered last, "" when it has none
--          8 saved.. the one up to which Postgres has the channel, "" when it has none

local part = redis.call("HMGET", KEYS[1], "owner", "epoch", "stored", "unstored", "control")
local serving = string.match(redis.call("INFO", "replication"), "master_replid:(%x+)")
local answer = { part[1] or "", serving or "", part[2] or "0", part[3] or "0-0", part[4] or "0", part[5] or "0-0" }

for i = 3, #KEYS do
  local head = redis.pcall("HMGET", KEYS[i], "epoch", "seq", "saved")
  answer[#answer + 1] = head[1] and head[2] and head[1] .. "-" .. head[2] or ""
  answer[#answer + 1] = head[3] or ""
end

redis.call("SPUBLISH", KEYS[2], "")
return answer
