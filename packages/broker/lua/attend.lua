#!lua flags=allow-oom
-- Sets how many connections users of some channels of one partition have on one node, and announces who came into a channel or
-- left it: a user's first connection in the cluster and the last one. All of a run happens or nothing.
-- Counts are absolute, so a repeat changes nothing. A channel whose keys are broken (of another type than ours) is passed over.
-- Runs with allow-oom: who leaves must be let go in a full Redis too, and what comes is bounded by the sockets of the edges.
--
-- KEYS     1 lease: of the node, in this partition
--          2 busy
--          for each channel  3 here..  4 who..  5 crowd..  6 hereon..  7 topic..
-- ARGV     1 deadline, ms on this server's clock
--          2 known: the replication id of the server that was told of the node's people; "" for whichever serves
--          3 back: a mode ends at this share of the number above which it begins
--          4 kept: how long an empty channel's crowd is, ms
--          5 loud: 1 to announce who comes and goes, 0 to restore what is known already; another mode is told anyway
--          for each channel
--          6 channel.. its id
--          7 version.. of the rules that come with it; "" for none
--          8 digest.. members above which it is told in digests
--          9 count.. members above which it is told by numbers alone
--          10 users.. how many
--          for each user
--          11 user.. its id
--          12 connections.. on this node, 0 for none
--          13 name.. of the user; "" with 0 connections
--          14 exclude.. the session that is not told of it, or ""
-- Returns  1 now, ms on this server's clock
--          2 outcome: ok; or that nothing happened: late, fenced, moved
--          3 serving: the replication id of this server, "" unless it was looked at
--          for each user
--          4 online.. users in the channel after it, -1 where a key is broken
--          5 mode.. 0 full, 1 digest, 2 count; where a key is broken, what Redis said

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format

--> clock
--> registered

local answers, answerAt, argAt, isLoud, busy = { now, "ok", serving }, 3, 5, ARGV[5] == "1", KEYS[2]

for keyAt = 2, #KEYS - 1, 5 do
  local here, who, crowd, hereon, topic = KEYS[keyAt + 1], KEYS[keyAt + 2], KEYS[keyAt + 3], KEYS[keyAt + 4], KEYS[keyAt + 5]
  local channel, given, users = ARGV[argAt + 1], ARGV[argAt + 2], ARGV[argAt + 5] + 0
  --> crowd
  local ownBefore, hasNewRules = try("HLEN", hereon), false
  if type(ownBefore) == "table" then
    broken = ownBefore.err
  end
  -- Of one version all rules are alike, but where the edges' own settings differ: then those count that were used last.
  if given ~= "" and given + 0 >= version then
    local digest, count = ARGV[argAt + 3] + 0, ARGV[argAt + 4] + 0
    hasNewRules = given + 0 ~= version or digest ~= digestAbove or count ~= countAbove
    version, digestAbove, countAbove = given + 0, digest, count
  end
  argAt = argAt + 5

  local toldMode, untold, owned = modeBefore, false, ownBefore
  for _ = 1, users do
    local user, connections, name, exclude = ARGV[argAt + 1], ARGV[argAt + 2] + 0, ARGV[argAt + 3], ARGV[argAt + 4]
    argAt = argAt + 4
    if broken then
      answers[answerAt + 1], answers[answerAt + 2] = -1, broken
    else
      local own = (call("HGET", hereon, user) or 0) + 0
      --> attendance
      if own == 0 and connections > 0 then
        owned = owned + 1
      elseif own > 0 and connections == 0 then
        owned = owned - 1
      end
      --> mode
      if turned and isLoud then
        --> tell-turn
      end
      answers[answerAt + 1], answers[answerAt + 2] = online, mode
    end
    answerAt = answerAt + 2
  end

  if not broken then
    if owned > 0 and ownBefore == 0 then
      call("SADD", KEYS[1], "c|" .. channel)
    elseif owned == 0 and ownBefore > 0 then
      call("SREM", KEYS[1], "c|" .. channel)
    end
    --> rank
    --> tell-crowd
  end
end
return answers
