#!lua
-- Remembers what Postgres has said of who may do what in a channel, and raises the version that fences sends to it. What is
-- older than what is known is dropped, what is newer takes the room of all that was remembered.
-- Without allow-oom: it is a cache, and a full Redis does without.
--
-- KEYS     1 rights  2 access
-- ARGV     1 asked: the replication id of the server that was asked before Postgres was; "" for whichever serves
--          2 kept: how long it is remembered, ms
--          3 most: entries that are remembered; where there are more, the former ones are forgotten
--          4 channel: its id
--          5 version: of its rights
--          6 record: of the channel, JSON
--          7 whole: 1 when these are all entries there are, else 0
--          for each user
--          8 user.. its id
--          9 entry.. JSON; "" for none
-- Returns  1 outcome: filled, old (more is known already), or moved: another server was asked
--          2 serving: the replication id of this server

local call = redis.call

local serving = string.match(call("INFO", "replication"), "master_replid:(%x+)")
if ARGV[1] ~= "" and ARGV[1] ~= serving then
  return { "moved", serving }
end
local access, channel, version = KEYS[2], ARGV[4], ARGV[5] + 0
local inForce = (call("HGET", KEYS[1], channel) or 0) + 0
if inForce > version then
  return { "old", serving }
end
if inForce < version then
  call("HSET", KEYS[1], channel, ARGV[5])
end

local known, teller = string.match(call("HGET", access, "@") or "", "^(%d+)|(%x+)$")
if known ~= ARGV[5] or teller ~= serving or call("HLEN", access) > ARGV[3] + 0 then
  call("DEL", access)
end
call("HSET", access, "", ARGV[6], "@", ARGV[5] .. "|" .. serving)
if ARGV[7] == "1" then
  call("HSET", access, "*", "whole")
end
for at = 8, #ARGV, 2 do
  call("HSET", access, "u|" .. ARGV[at], ARGV[at + 1])
end
call("PEXPIRE", access, ARGV[2])
return { "filled", serving }
