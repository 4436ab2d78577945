#!lua flags=allow-oom
-- Tells the heads of one partition how far Postgres has their channels, where this server has lost what lies between. What the log
-- holds of such a channel, and what it knows of its messages, is left to Postgres, which has all of it and more. Only raises, and
-- touches only heads that exist. Runs with allow-oom, since it frees memory. Must be called only for channels of which Postgres
-- has all that waited in the outbox.
--
-- KEYS     for each channel  1 head..  2 log..  3 acts..  4 acted..
-- ARGV     1 position.. of the channel's last row, <epoch>-<seq>
-- Returns  1 raised: how many heads

local call, try = redis.call, redis.pcall

--> position

local raised = 0
for at = 1, #ARGV do
  local headKey, logKey, actsKey, actedKey = KEYS[4 * at - 3], KEYS[4 * at - 2], KEYS[4 * at - 1], KEYS[4 * at]
  local head = try("HMGET", headKey, "epoch", "seq", "saved")
  local epoch, seq = pair((head[1] or "") .. "-" .. (head[2] or ""))
  local savedEpoch, savedSeq = pair(head[3])
  local lastEpoch, lastSeq = pair(ARGV[at])
  local isBehind = beyond(lastEpoch, lastSeq, epoch, seq) and beyond(lastEpoch, lastSeq, savedEpoch, savedSeq)
  if head[1] and isBehind then
    call("HSET", headKey, "saved", ARGV[at])
    call("HDEL", headKey, "cap", "until")
    try("XTRIM", logKey, "MINID", "=", text(lastEpoch) .. "-" .. text(lastSeq + 1))
    call("DEL", actsKey, actedKey)
    raised = raised + 1
  end
end
return raised
