#!lua flags=allow-oom
-- Reads how far the changes of rights that concern no one channel have come, and what time it is on the clock by which they
-- end. Changes nothing.
--
-- KEYS     1 rights: of partition 0
-- Returns  1 version: of the last of those changes that was announced, null where this server knows of none
--          2 now: this server's time, ms since the Unix epoch

local call = redis.call

--> clock
return { call("HGET", KEYS[1], "*"), string.format("%d", now) }
