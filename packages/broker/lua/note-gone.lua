#!lua flags=allow-oom
-- Remembers for a while which nodes were cleared away after: they may still hold sockets, so whoever asks whether a change is
-- in force everywhere asks for them too. Works in a full Redis, as all does that clears away.
--
-- KEYS     1 gone
-- ARGV     1 node: its id
--          2 kept: how long it is remembered, ms
-- Returns  1 noted: always 1

local call, format = redis.call, string.format

--> clock

call("ZADD", KEYS[1], format("%d", now), ARGV[1])
call("ZREMRANGEBYSCORE", KEYS[1], "-inf", format("%d", now - ARGV[2]))
call("PEXPIRE", KEYS[1], ARGV[2])
return 1
