#!lua flags=allow-oom
-- Reads how many messages a channel got of late and from how many. Changes nothing. Messages are counted from the beginning of the
-- ten seconds (of the last hour: of the minute) in which the span begins, senders to the millisecond.
--
-- KEYS     1 act  2 senders
-- ARGV     none
-- Returns  of the last minute, five minutes and hour
--          1 messages..
--          2 senders..

local call = redis.call

--> clock

local held, answer = call("HGETALL", KEYS[1]), {}
local tens, minute = math.floor(now / 10000), math.floor(now / 60000)
local sums, minutes = { 0, 0, 0 }, { 1, 5, 60 }
for at = 1, #held, 2 do
  local field, messages = held[at], held[at + 1] + 0
  local itsMinute = string.match(field, "^m(%d+)$")
  if itsMinute then
    if itsMinute + 0 >= minute - 60 then
      sums[3] = sums[3] + messages
    end
  else
    for span = 1, 2 do
      if field + 0 >= tens - 6 * minutes[span] then
        sums[span] = sums[span] + messages
      end
    end
  end
end
for span = 1, 3 do
  answer[2 * span - 1] = sums[span]
  answer[2 * span] = call("ZCOUNT", KEYS[2], string.format("(%d", now - 60000 * minutes[span]), "+inf")
end
return answer
