#!lua flags=allow-oom
-- Tells whether a partition is served by another server than when its heads were last compared with Postgres, and what waits for
-- Postgres of what stood in its outbox at some time. Changes nothing.
--
-- KEYS     1 part  2 outbox
-- ARGV     1 until: the last entry that is asked about, <epoch>-<number>; "" for the one that was numbered last
-- Returns  1 serving: the replication id of this server
--          2 compared: that of the server whose heads were compared; "" for none
--          3 last: the last entry that was asked about, or the one that was numbered last; "" where nothing ever was
--          4 waits: 1 while an entry up to there waits, else 0

local call = redis.call
local part = call("HMGET", KEYS[1], "epoch", "last", "compared")
local serving = string.match(call("INFO", "replication"), "master_replid:(%x+)") or ""
local last = ARGV[1]
if last == "" and part[1] then
  last = part[1] .. "-" .. (part[2] or "0")
end
local waits = last ~= "" and #call("XRANGE", KEYS[2], "-", last, "COUNT", 1) or 0
return { serving, part[3] or "", last, waits }
