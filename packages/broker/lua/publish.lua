#!lua
-- Gives messages of one partition their positions in one atomic step: each is refused, or numbered, logged, queued for Postgres
-- and announced. A refusal writes nothing, but a version of rights that this Redis has lost. A write that fails ends its message
-- and no other.
-- Without allow-oom on purpose: a full Redis refuses the whole run before any write.
--
-- KEYS     1 part  2 outbox  3 rights  4 held
--          for each channel  5 head..  6 log..  7 gone..  8 topic..  9 acts..  10 acted..
--          for each message, in the order of the channels  11 once..
--          and right after it, where its channel has a slow mode  12 slow..
-- ARGV     1 deadline, ms on this server's clock
--          2 floor: no epoch below it is given out
--          3 budget: bytes that may wait in the outboxes of all partitions
--          4 remembered: how long an outcome is, ms
--          5 channels: how many; each stands once
--          for each channel
--          6 channel.. its id
--          7 version.. of the rights the senders were authorised with
--          8 pause.. ms between two messages of one user; 0 for no slow mode
--          9 base.. last position in Postgres as <epoch>-<seq>, read just now; "" when it was not asked for
--          10 before.. the frames before their positions
--          11 messages.. how many
--          for each message
--          12 content.. a hash of what it says and its id, parted by |
--          13 after.. the frame after its position
-- Returns  now, ms on this server's clock, then four values for each message, 0 where there is nothing to tell; the outcome's
--          name first:
--          1 ok: epoch, seq, entry number (the entry's epoch is the message's)
--          2 duplicate: the first outcome, hash|id|epoch-seq|at|entry number; without the hash where it was deleted
--          3 conflict: the clientId was used for another content
--          4 late: of the whole run, and stands alone
--          5 stale: the rights version in force
--          6 overloaded: whose share of the budget is spent, partition, channel or user
--          7 slow_mode: ms to wait
--          8 cold: the head is not in Redis and no base was given
--          9 broken: what Redis said; what was written before it stands
--
-- This runs for every message, so it makes no function and hardly a table, each of which costs as much as a small command:
-- its parts, parts/<name>.lua, are put in as text where an arrow names one. Lua writes numbers in scientific
-- notation from 1e14 on and takes its time over it: format("%d") is exact up to 2^53 and half as dear, so each number is
-- written once. Strings become numbers by arithmetic.

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format

--> clock
-- A command that waited too long must not act.
if now > ARGV[1] + 0 then
  return { now, "late" }
end

--> fence
--> room

local RUN_KEYS, KEYS_EACH, RUN_ARGS, ARGS_EACH, MESSAGE_ARGS = 4, 6, 5, 6, 2
local channels, nowText, kind, more, moreQueued, moreLogged = ARGV[5] + 0, format("%d", now), "message", 0, nil, nil
local onceAt, messageAt = RUN_KEYS + KEYS_EACH * channels, RUN_ARGS + ARGS_EACH * channels
local left, envelopes = (#ARGV - messageAt) / MESSAGE_ARGS, nil
-- Room for the values of one message, which a run mostly has.
local answers, answerAt = { now, "", 0, 0, 0 }, 1
local nowBetween, atField = "|" .. nowText .. "|", ',"at":' .. nowText

for at = 0, channels - 1 do
  local keyAt, argAt = RUN_KEYS + KEYS_EACH * at, RUN_ARGS + ARGS_EACH * at
  local headKey, logKey, goneKey, topic = KEYS[keyAt + 1], KEYS[keyAt + 2], KEYS[keyAt + 3], KEYS[keyAt + 4]
  local actsKey, actedKey = KEYS[keyAt + 5], KEYS[keyAt + 6]
  local channel, version, slowMs = ARGV[argAt + 1], ARGV[argAt + 2], ARGV[argAt + 3]
  local base, before, messages = ARGV[argAt + 4], ARGV[argAt + 5], ARGV[argAt + 6]
  local inForce, leftHere = try("HGET", KEYS[3], channel) or "0", messages + 0

  -- A stretch is what one channel gets in a row: its head is read before it and written, and all of it announced, after it.
  -- It ends with the channel's messages, or with one of which a write fails.
  repeat
    local isStanding, count, broken, refusing, isMoved, stretchAt = false, 0, nil, nil, true, answerAt
    local headEpoch, saved, fromEpoch, fromSeq, isIdle, hasLog, firstSeq, firstEpoch, firstFollows, beforeEpoch, beforeSeq, frames
    while leftHere > 0 and not broken do
      local outcome, one, two, three = "", 0, 0, 0
      local content, after = ARGV[messageAt + 1], ARGV[messageAt + 2]
      local onceKey, slowKey = KEYS[onceAt + 1], nil
      -- Who sends it is asked for only while it is counted who holds how much. The user stands last in the key, behind two |.
      local user = short and string.match(onceKey, "|[^|]*|(.*)$")
      onceAt, messageAt, left, leftHere = onceAt + 1, messageAt + MESSAGE_ARGS, left - 1, leftHere - 1
      if slowMs ~= "0" then
        onceAt, slowKey = onceAt + 1, KEYS[onceAt + 1]
      end

      -- What refuses the message leaves by `break`.
      repeat
        --> admit
        if slowKey then
          local wait = call("PTTL", slowKey)
          -- By the clock of a former master it may be longer than anybody is to wait.
          if wait > slowMs + 0 then
            wait = slowMs + 0
            call("PEXPIRE", slowKey, slowMs)
          end
          if wait > 0 then
            outcome, one = "slow_mode", wait
            break
          end
        end
        if not isStanding then
          --> stand
        end
        isStanding = true
      until true

      -- The same clientId again is that before it is anything else, and before anything is written.
      if outcome ~= "" or not isOpen or epoch < fromEpoch then
        local first = try("GET", onceKey)
        --> recall
      end
      if outcome == "" then
        --> epoch
        --> number
        local remembers = content .. "|" .. position .. nowBetween .. numberText
        local first = try("SET", onceKey, remembers, "NX", "GET", "PX", ARGV[4])
        --> recall
        if outcome == "" then
          --> reserve
          --> record
          if slowKey and isQueued then
            try("SET", slowKey, "", "PX", slowMs)
          end
          if not isQueued then
            try("DEL", onceKey)
          end
          if broken then
            outcome, one = "broken", broken
          else
            outcome, one, two, three = "ok", epoch, seq, lastNumber
          end
        end
      end

      answers[answerAt + 1], answers[answerAt + 2], answers[answerAt + 3], answers[answerAt + 4] = outcome, one, two, three
      answerAt = answerAt + 4
    end

    --> announce
    --> recover
  until leftHere == 0
end

if reserved and (reserved ~= lastNumber or counted ~= waiting) then
  try("HSET", KEYS[1], "last", format("%d", lastNumber), "in", format("%d", waiting))
end
return answers
