#!lua
-- Gives messages of one partition their positions, each in one atomic step: refuses it, or numbers, logs, queues for
-- Postgres and announces it. A refusal writes nothing. A write that fails ends its message and no other.
-- Without allow-oom on purpose: a full Redis refuses the whole run before any write.
--
-- KEYS     1 part  2 outbox  3 rights  4 held
--          for each message  5 head..  6 log..  7 gone..  8 topic..  9 once..  10 slow..
-- ARGV     1 deadline, ms on this server's clock
--          2 floor: no epoch below it is given out
--          3 budget: bytes that may wait in the outboxes of all partitions
--          4 remembered: how long an outcome is, ms
--          for each message
--          5 channel.. its id
--          6 user.. who sends it
--          7 hash.. of the content (no |)
--          8 id.. of the message
--          9 before.. the frame before its position
--          10 after.. the frame after its position
--          11 base.. last position in Postgres as <epoch>-<seq>, read just now; "" when it was not asked for
--          12 version.. of the rights the sender was authorised with
--          13 slow.. ms between two messages of one user; 0 for no slow mode
-- Returns  five values for each message, 0 where there is nothing to tell; the outcome's name first, and times in ms on
--          this server's clock:
--          1 ok: epoch, seq, at, entry number (the entry's epoch is the message's)
--          2 duplicate: the first outcome, hash|id|epoch-seq|at|entry number
--          3 conflict: the clientId was used for another content
--          4 late: now
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
--> fence
--> room

local RUN_KEYS, KEYS_EACH, RUN_ARGS, ARGS_EACH, VALUES_EACH = 4, 6, 4, 9, 5
local count = (#KEYS - RUN_KEYS) / KEYS_EACH
local isLate, nowText, kind, sign = now > ARGV[1] + 0, format("%d", now), "message", 1
local stands = count > 1 and {} or nil
local answers

for at = 0, count - 1 do
  local keyAt, argAt, answerAt = RUN_KEYS + at * KEYS_EACH, RUN_ARGS + at * ARGS_EACH, at * VALUES_EACH
  local headKey, logKey, goneKey, topic, onceKey, slowKey = unpack(KEYS, keyAt + 1, keyAt + KEYS_EACH)
  local channel, user, hash, id, before, after, base, version, slowMs = unpack(ARGV, argAt + 1, argAt + ARGS_EACH)
  local outcome, one, two, three, four = "", 0, 0, 0, 0

  -- What refuses the message leaves by `break`.
  repeat
    -- 1: a command that waited too long must not act.
    if isLate then
      outcome, one = "late", now
      break
    end

    -- 2: the same clientId again.
    local first = try("GET", onceKey)
    if first then
      if type(first) == "table" then
        outcome, one = "broken", first.err
      elseif string.sub(first, 1, #hash + 1) == hash .. "|" then
        outcome, one = "duplicate", first
      else
        outcome = "conflict"
      end
      break
    end

    -- 3 and 4: authorised with rights that are no longer in force, no room, or too soon.
    --> admit
    if slowMs ~= "0" then
      local wait = call("PTTL", slowKey)
      if wait > 0 then
        outcome, one = "slow_mode", wait
        break
      end
    end

    -- 5 and 6: where the channel stands, under which epoch it goes on, and with which position.
    --> stand
    --> epoch
    --> number

    --> reserve
    --> record
    if isQueued then
      local remembers = hash .. "|" .. id .. "|" .. position .. "|" .. nowText .. "|" .. numberText
      local remembered = try("SET", onceKey, remembers, "PX", ARGV[4])
      if slowMs ~= "0" then
        try("SET", slowKey, "", "PX", slowMs)
      end
      --> announce
      broken = broken or remembered.err or (type(told) ~= "number" and told.err)
    end
    if broken then
      outcome, one = "broken", broken
    else
      outcome, one, two, three, four = "ok", epoch, seq, now, lastNumber
    end
    --> recover
  until true

  if at == 0 then
    answers = { outcome, one, two, three, four }
  else
    answers[answerAt + 1], answers[answerAt + 2], answers[answerAt + 3] = outcome, one, two
    answers[answerAt + 4], answers[answerAt + 5] = three, four
  end
end
return answers
