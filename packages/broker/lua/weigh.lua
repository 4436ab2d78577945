#!lua flags=allow-oom
-- Tells one partition how much of the outbox budget is spent: what publish.lua judges by until the next look.
-- Runs with allow-oom, since a full Redis must not be judged by old figures. Touches only a partition that exists.
--
-- KEYS  1 part
-- ARGV  1 bytes that wait in all partitions  2 bytes that wait in this one
--       3 users who hold too much in all partitions together, each between two newlines; "" for none
-- Returns 1, or 0 for a partition that is not there.
-- Refuses nothing.

if redis.call("EXISTS", KEYS[1]) == 0 then
  return 0
end
redis.call("HSET", KEYS[1], "spent", ARGV[1], "seen", ARGV[2])
if ARGV[3] == "" then
  redis.call("HDEL", KEYS[1], "over")
else
  redis.call("HSET", KEYS[1], "over", ARGV[3])
end
return 1
