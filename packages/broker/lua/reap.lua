#!lua flags=allow-oom
-- Takes back what a dead node had in some channels of one partition, a chunk of its users at a time, and announces who left with
-- it. The node's mark goes first, so that nothing is added meanwhile. Whoever goes on with it finds what is left; nothing is
-- taken back or announced twice. A channel whose keys are broken (of another type than ours) is given up.
--
-- KEYS     1 lease: the node's, in this partition
--          2 busy
--          for each channel  3 here..  4 who..  5 crowd..  6 hereon..  7 topic..
-- ARGV     1 most: users that are taken in this run
--          2 loud: 1 to announce who left, 0 for what nobody owns: that was announced before
--          3 back: a mode ends at this share of the number above which it begins
--          4 kept: how long an empty channel's crowd is, ms
--          for each channel
--          5 channel.. its id
-- Returns  1 taken: how many users

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format
local most, isLoud, taken, hasNewRules, busy = ARGV[1] + 0, ARGV[2] == "1", 0, false, KEYS[2]

call("SREM", KEYS[1], "")
for at = 1, #ARGV - 4 do
  if taken >= most then
    break
  end
  local keyAt, channel = 5 * at - 3, ARGV[4 + at]
  local here, who, crowd, hereon, topic = KEYS[keyAt + 1], KEYS[keyAt + 2], KEYS[keyAt + 3], KEYS[keyAt + 4], KEYS[keyAt + 5]
  --> crowd
  local users = try("HRANDFIELD", hereon, most - taken, "WITHVALUES")
  if broken or users.err then
    call("SREM", KEYS[1], "c|" .. channel)
  else
    local toldMode, untold = modeBefore, false
    for each = 1, #users, 2 do
      local user, own, connections, name, exclude = users[each], users[each + 1] + 0, 0, "", ""
      --> attendance
      --> mode
      if turned and isLoud then
        --> tell-turn
      end
    end
    taken = taken + #users / 2
    if call("EXISTS", hereon) == 0 then
      call("SREM", KEYS[1], "c|" .. channel)
    end
    --> rank
    --> tell-crowd
  end
end
return taken
