#!lua
-- Numbers, logs, queues and announces one edit, deletion or reaction, as publish.lua does a message, if that by which the
-- caller judged it is still so. A deletion also takes the text out of log and outbox. A refusal writes nothing, but a version of
-- rights that this Redis has lost.
-- Without allow-oom on purpose: a full Redis refuses it before any write.
--
-- KEYS     1 part  2 outbox  3 rights  4 held  5 head  6 log  7 gone  8 topic  9 acts  10 acted
--          11 marks of the message  12 once of the message
-- ARGV     1 deadline, ms on this server's clock
--          2 floor: no epoch below it is given out
--          3 budget: bytes that may wait in the outboxes of all partitions
--          4 channel: its id
--          5 version of the rights the user was authorised with
--          6 base: last position in Postgres as <epoch>-<seq>, read just now; "" when it was not asked for
--          7 user who changes the message
--          8 kind: edited, deleted or reaction
--          9 before: the frame before its position
--          10 after: the frame after its position
--          11 id of the message
--          12 known: the first line of `acts` by which an edit or a deletion was judged; "" when there was none
--          13 told: what that line is to say, without its {, position and time; of a reaction the line if there is none
--          14 counts: of a reaction, lines of reactions that stand if there are none, each after a line's end
--          15 last edit of the message, <epoch>-<seq>; "" for none
--          16 field of `marks`
--          17 mark by which a reaction was judged, "" for none
--          18 most emoji that a message may have; 0 for a reaction that is taken back
--          19 target: the message's position, <epoch>-<seq>
--          20 author of the message
--          21 ending of the message's tombstone, from where its text began
--          22 removed: the message without its text, for its row
-- Returns  now, ms on this server's clock, then the outcome's name first and three values, 0 where there is nothing to tell:
--          1 ok: epoch, seq, entry number (the entry's epoch is the change's)
--          2 again: it was judged by what is no longer so
--          3 late: its deadline has passed
--          4 stale: the rights version in force
--          5 overloaded: whose share of the budget is spent, partition, channel or user
--          6 cold: the head is not in Redis and no base was given
--          7 too_many: the message has as many emoji as it may
--          8 waits: what is to be deleted waits for Postgres and cannot be taken out
--          9 broken: what Redis said; what was written before it stands

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format

--> clock
if now > ARGV[1] + 0 then
  return { now, "late", 0, 0, 0 }
end

--> fence
--> room
--> position

local headKey, logKey, goneKey, topic, actsKey, actedKey = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local channel, version, base, user, kind, before, after = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local id, told, target = ARGV[11], ARGV[13], ARGV[19]
local inForce, left, more, moreQueued, moreLogged = try("HGET", KEYS[3], channel) or "0", 0, 0, nil, nil
local answers, answerAt, stretchAt, envelopes = { now, "", 0, 0, 0 }, 5, 1, nil
local count, broken, refusing, isMoved = 0, nil, nil, true
local headEpoch, saved, fromEpoch, fromSeq, isIdle, hasLog, firstSeq, firstEpoch, firstFollows, beforeEpoch, beforeSeq, frames
local outcome, one, two, three, atField = "", 0, 0, 0, ',"at":' .. format("%d", now)
local acts, counts, removed, edits

-- What refuses the change leaves by `break`.
repeat
  --> admit
  acts = try("HGET", actsKey, id) or ""
  local mark = kind == "reaction" and (try("HGET", KEYS[11], ARGV[16]) or "")
  local odd = (type(acts) == "table" and acts.err) or (type(mark) == "table" and mark.err)
  if odd then
    outcome, one = "broken", odd
    break
  end
  local line = string.match(acts, "^[^\n]*")
  local isAsJudged = line == ARGV[12]
  if mark then
    -- Whatever was edited since does not matter to a reaction.
    isAsJudged = mark == ARGV[17] and string.sub(line, 1, 5) ~= '{"d":'
  end
  if not isAsJudged then
    outcome = "again"
    break
  end
  if mark then
    --> count-emoji
  end
  --> stand
  if kind == "deleted" then
    --> find-text
  end
until true

if outcome == "" then
  --> epoch
  --> number
  if kind == "deleted" then
    moreQueued, moreLogged = { "t", ARGV[22], "e", table.concat(edits, ",") }, { "d", target .. "|" .. ARGV[20] }
    more = #moreQueued[2] + #moreQueued[4]
  elseif kind == "edited" then
    moreLogged = { "e", ARGV[15] }
  end
  --> reserve
  --> record
  if isQueued then
    --> remember-act
    if kind == "deleted" then
      --> take-out
    end
    --> forget-acts
  end
  if broken then
    outcome, one = "broken", broken
  else
    outcome, one, two, three = "ok", epoch, seq, lastNumber
  end
end
answers[2], answers[3], answers[4], answers[5] = outcome, one, two, three

--> announce
--> recover

if reserved and counted ~= waiting then
  try("HSET", KEYS[1], "in", format("%d", waiting))
end
return answers
