#!lua
-- What the publish script is compared with: a message gets an offset, goes into a capped stream that expires, and is
-- announced. No dedupe, no outbox, no fence, no rights, no budget.
--
-- KEYS     1 head  2 log  3 topic
-- ARGV     1 frame
--          2 kept: entries of the log, about
--          3 idle: when head and log expire, ms
-- Returns  1 the offset

local offset = redis.call("HINCRBY", KEYS[1], "seq", 1)
redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[2], "*", "f", ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[3])
redis.call("PEXPIRE", KEYS[2], ARGV[3])
redis.call("SPUBLISH", KEYS[3], string.format("%d", offset) .. ":" .. ARGV[1])
return offset
