#!lua
-- Notes what Postgres said of how far users have read in a channel, unless something newer is known by now.
--
-- KEYS     1 read
-- ARGV     1 kept: how long the channel's positions stay after their last use, ms
--          then in pairs
--          2 user..
--          3 position.. <epoch>-<seq>; 0-0 for one of whom Postgres has none
-- Returns  1 noted: how many

local noted = 0
for at = 2, #ARGV, 2 do
  noted = noted + redis.call("HSETNX", KEYS[1], ARGV[at], ARGV[at + 1])
end
redis.call("PEXPIRE", KEYS[1], ARGV[1])
return noted
