#!lua
-- Adds to how many messages some channels of one partition got of late, and from whom. Ten seconds have a count of their own for
-- some five minutes and minutes for an hour, senders the time of their newest message; what is older goes with the first message
-- of another ten seconds. Never sent twice, since a repeat would count twice.
--
-- KEYS     for each channel  1 act..  2 senders..
-- ARGV     1 kept: how long a channel's counts stay after the last of them, ms
--          2 most: senders that a channel remembers, the newest
--          for each channel
--          3 tens.. since the Unix epoch, the ten seconds in which the messages were numbered
--          4 messages.. how many
--          5 users.. how many
--          for each user
--          6 user.. its id
--          7 at.. of its newest message, ms
-- Returns  1 noted: how many channels; one whose keys are broken (of another type than ours) is passed over

local KEYS, ARGV, call, try = KEYS, ARGV, redis.call, redis.pcall
local argAt, noted = 2, 0

for keyAt = 1, #KEYS, 2 do
  local act, senders = KEYS[keyAt], KEYS[keyAt + 1]
  local tens, messages, users = ARGV[argAt + 1] + 0, ARGV[argAt + 2], ARGV[argAt + 3] + 0
  local from = argAt + 3
  argAt = from + 2 * users
  local minute = math.floor(tens / 6)
  local counted = try("HINCRBY", act, ARGV[from - 2], messages)
  local isWhole = type(counted) == "number" and type(try("ZCARD", senders)) == "number"
  if isWhole then
    noted = noted + 1
    call("HINCRBY", act, string.format("m%d", minute), messages)
    for at = from + 1, argAt, 2 do
      call("ZADD", senders, "GT", ARGV[at + 1], ARGV[at])
    end
    if counted == messages + 0 then
      for _, field in ipairs(call("HKEYS", act)) do
        local itsMinute = string.match(field, "^m(%d+)$")
        local isOld = itsMinute and itsMinute + 0 < minute - 60 or not itsMinute and field + 0 < tens - 30
        if isOld then
          call("HDEL", act, field)
        end
      end
      call("ZREMRANGEBYSCORE", senders, "-inf", string.format("%d", tens * 10000 - 3600000))
      call("ZREMRANGEBYRANK", senders, 0, -ARGV[2] - 1)
    end
    call("PEXPIRE", act, ARGV[1])
    call("PEXPIRE", senders, ARGV[1])
  end
end
return noted
