#!lua flags=allow-oom
-- Takes an edge's word that it has acted upon every control up to a number, and what that one made it close. Absolute, so a
-- repeat changes nothing, and only raised.
--
-- KEYS     1 confirmed  2 receipt: of this number
-- ARGV     1 node: its id
--          2 number: of the control, <epoch>-<n>
--          3 closed: sessions that it closed, or took out of their channel
--          4 kept: how long the receipt is, ms
-- Returns  1 confirmed: the number that stands for the node now

local call = redis.call

--> position

local standing = call("HGET", KEYS[1], ARGV[1])
local epoch, number = pair(standing)
local newEpoch, newNumber = pair(ARGV[2])
if not standing or beyond(newEpoch, newNumber, epoch, number) then
  call("HSET", KEYS[1], ARGV[1], ARGV[2])
  standing = ARGV[2]
end
if ARGV[3] ~= "0" then
  call("HSET", KEYS[2], ARGV[1], ARGV[3])
  call("PEXPIRE", KEYS[2], ARGV[4])
end
return standing
