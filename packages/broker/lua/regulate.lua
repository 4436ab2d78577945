#!lua flags=allow-oom
-- Puts new rules of how a channel's crowd is told in force at once, and announces another mode. Rules of the version that stands,
-- or of an older one, change nothing. A repeat changes nothing.
--
-- KEYS     1 here  2 crowd  3 topic
-- ARGV     1 version: of the channel's settings
--          2 rules: members above which it is told in digests, and by numbers alone, parted by |
--          3 back: a mode ends at this share of the number above which it begins
--          4 kept: how long an empty channel's crowd is, ms
-- Returns  1 online: users in the channel
--          2 mode: 0 full, 1 digest, 2 count

local call, try, format = redis.call, redis.call, string.format
local here, crowd, topic = KEYS[1], KEYS[2], KEYS[3]

--> crowd
local hasNewRules, toldMode, untold = ARGV[1] + 0 > version, mode, false
if hasNewRules then
  version = ARGV[1] + 0
  digestAbove, countAbove = string.match(ARGV[2], "^(%d+)|(%d+)$")
  digestAbove, countAbove = digestAbove + 0, countAbove + 0
  --> mode
  --> tell-crowd
end
return { online, mode }
