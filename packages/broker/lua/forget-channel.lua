#!lua flags=allow-oom
-- Forgets a channel that was deleted, once nothing of it waits for Postgres. What is left is what ends by itself: who is still
-- present, and what has a time to live. Its version of rights stays, for whoever has not heard of the deletion.
--
-- KEYS     1 head  2 log  3 gone  4 acts  5 acted  6 read  7 activity  8 senders  9 access  10 shed
-- ARGV     1 channel: its id, the member of shed
-- Returns  1 forgotten: 1, or 0 while something waits

--> position

local head = redis.pcall("HMGET", KEYS[1], "epoch", "seq", "saved")
if head[1] then
  local savedEpoch, savedSeq = pair(head[3])
  if beyond(tonumber(head[1]), tonumber(head[2]), savedEpoch, savedSeq) then
    return 0
  end
end
for at = 1, 9 do
  redis.call("UNLINK", KEYS[at])
end
redis.pcall("ZREM", KEYS[10], ARGV[1])
return 1
