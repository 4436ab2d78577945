#!lua
-- Queues audit records of one partition for Postgres, in their order, as far as they find room: what does not is left out, and
-- whoever noted it counts that. They may hold only so much of an outbox, and on the other hand a little beyond the limit at which
-- messages are refused, so that what happens then is known. A repeat queues them again: Postgres takes each id once.
-- Without allow-oom on purpose: a full Redis refuses the whole run before any write.
--
-- KEYS     1 part  2 outbox
-- ARGV     1 fresh: 1 when the floor was read just now, 0 when a new epoch has to wait for that
--          2 floor: no epoch below it is given out
--          3 budget: bytes that may wait in the outboxes of all partitions
--          4 most: bytes of audit records that may wait in this outbox
--          5 reserve: bytes beyond the partition's limit that audit records may use
--          6 record.. JSON of a record without its time, an object that is not empty
-- Returns  1 outcome: ok; cold when nothing was done, since an epoch begins and the floor is not fresh
--          2 queued: how many of the records, from the first on
--          3 broken: what Redis said of a key of another type than ours; "" when there was none

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format

--> clock
--> fence
if not isOpen and ARGV[1] ~= "1" then
  return { "cold", 0, "" }
end
--> room

local audited = call("HMGET", KEYS[1], "audited", "unaudited")
local noted, taken = (audited[1] or 0) + 0, (audited[2] or 0) + 0
local stamp, fromEpoch, more, left, queued, broken = '{"at":' .. format("%d", now) .. ",", 0, 0, #ARGV - 5, 0, ""
for at = 6, #ARGV do
  local frame = stamp .. string.sub(ARGV[at], 2)
  left = left - 1
  if noted - taken + #frame > ARGV[4] + 0 or waiting >= limit + ARGV[5] then
    break
  end
  --> epoch
  local numberText = format("%d", lastNumber + 1)
  --> reserve
  local reply = try("XADD", KEYS[2], entry, "k", "audit", "f", frame, "b", total, "a", format("%d", noted + size))
  if type(reply) == "table" then
    broken = reply.err
    break
  end
  waiting, noted, queued = waiting + size, noted + size, queued + 1
end

if reserved then
  call("HSET", KEYS[1], "last", format("%d", lastNumber), "in", format("%d", waiting), "audited", format("%d", noted))
end
return { "ok", queued, broken }
