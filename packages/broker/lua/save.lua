#!lua flags=allow-oom
-- Records up to where one partition is saved, forgets what is no longer needed and announces the watermark. Runs with
-- allow-oom, since it is what frees a full Redis. Only raises, and touches only heads that exist: a repeat or a run that
-- comes too late changes nothing. Must never trim what is not saved. A channel whose keys are broken (of another type than
-- ours) is passed over: it must not keep its whole partition from being emptied.
-- Raises the partition's epoch beyond that of Postgres' position where it is lower: this Redis has lost what it once
-- knew, and must not number below what is saved. Trims, and announces the entry, only if the outbox holds that very
-- entry: otherwise another Redis numbered it, or it was trimmed before, and what lies below it may not be saved.
--
-- KEYS     1 part  2 outbox  3 control  4 shed  5 held
--          for each channel  6 head..  7 log..  8 gone..  9 acts..  10 acted..
-- ARGV     1 last saved entry, <epoch>-<number>; "" to record heads only
--          2 bytes ever put into the outbox up to that entry, as the entry says
--          3 kept: entries the log keeps when all is saved
--          4 idle: how long a channel of which all is saved stays in Redis, ms
--          5 unstored: 1 when an entry up to there is no row of its own in Postgres, else 0; a repeat only makes readers
--            look again
--          6 reached: up to where Postgres has this partition, <epoch>-<number>: at or beyond the last entry
--          7 head: of the partition's chain of audit records, <how many>|<seal of the last>; "" when none was added
--          8 audited: bytes of audit records ever put into the outbox up to the last of these, as it says; "" for none
--          for each channel
--          9 position.. up to which it is saved, <epoch>-<seq>
--          then in pairs
--          10 whose.. bytes were counted while they waited, c|<channel> or u|<user>
--          11 counted.. how many
-- Returns  1 watermark that was announced, "" for none

local call, try = redis.call, redis.pcall

--> position
--> clock

local nowMs = text(now)

local function saveHead(headKey, logKey, goneKey, actsKey, actedKey, position)
  local head = try("HMGET", headKey, "epoch", "seq", "saved", "cap", "until")
  local epoch, seq = tonumber(head[1]), tonumber(head[2])
  if not epoch or not seq then
    return
  end
  local savedEpoch, savedSeq = pair(head[3])
  local newEpoch, newSeq = pair(position)
  if head[4] then
    -- What a deletion took out has no row before the deletion has one.
    local untilEpoch, untilSeq = pair(head[5])
    if beyond(untilEpoch, untilSeq, newEpoch, newSeq) then
      local capEpoch, capSeq = pair(head[4])
      if beyond(newEpoch, newSeq, capEpoch, capSeq) then
        position, newEpoch, newSeq = head[4], capEpoch, capSeq
      end
    else
      call("HDEL", headKey, "cap", "until")
    end
  end
  local raised = beyond(newEpoch, newSeq, savedEpoch, savedSeq)
  if raised then
    savedEpoch, savedSeq = newEpoch, newSeq
    call("HSET", headKey, "saved", position)
    -- shed.lua may take from this log now; it puts right what is too late a time for its oldest entry
    try("ZADD", KEYS[4], "NX", nowMs, string.match(headKey, "^{[^}]*}:head:(.*)$"))
    if savedEpoch == epoch then
      try("XTRIM", logKey, "MAXLEN", "=", text(math.max(tonumber(ARGV[3]), seq - savedSeq)))
    end
  end
  if not beyond(epoch, seq, savedEpoch, savedSeq) and (raised or call("PTTL", headKey) == -1) then
    call("PEXPIRE", headKey, ARGV[4])
    call("PEXPIRE", logKey, ARGV[4])
    call("PEXPIRE", goneKey, ARGV[4])
    call("PEXPIRE", actsKey, ARGV[4])
    call("PEXPIRE", actedKey, ARGV[4])
  end
end

local argument = 9
for i = 6, #KEYS, 5 do
  saveHead(KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3], KEYS[i + 4], ARGV[argument])
  argument = argument + 1
end

local last = ARGV[1]
if last == "" then
  return ""
end
local lastEpoch, lastNumber = pair(last)
local part = call("HMGET", KEYS[1], "epoch", "in", "out", "stored", "unstored", "audited", "unaudited", "head")
local unstored = part[5] or "0"
if part[1] then
  -- Where a chain ends is kept beside Postgres: one that is shorter than this has been cut. So it is never set back.
  local rows = tonumber(string.match(ARGV[7], "^%d+"))
  if rows and rows >= (tonumber(string.match(part[8] or "", "^%d+")) or 0) then
    call("HSET", KEYS[1], "head", ARGV[7])
  end
  local epoch, out = tonumber(part[1]), tonumber(part[3] or 0)
  local reachedEpoch = pair(ARGV[6])
  if epoch < reachedEpoch then
    call("HSET", KEYS[1], "epoch", text(math.max(tonumber(nowMs), reachedEpoch + 1)))
  end
  local isHeld = #call("XRANGE", KEYS[2], last, last) > 0
  if not isHeld and epoch < lastEpoch then
    return ""
  end
  if isHeld then
    call("XTRIM", KEYS[2], "MINID", "=", text(lastEpoch) .. "-" .. text(lastNumber + 1))
    for i = argument, #ARGV, 2 do
      try("ZINCRBY", KEYS[5], "-" .. ARGV[i + 1], ARGV[i])
    end
    try("ZREMRANGEBYSCORE", KEYS[5], "-inf", "0")
  end
  -- `in` counts on one line per master: the figure of an entry of an earlier epoch may not lie on it
  local gone = out
  local audited, unaudited = tonumber(part[6] or 0), tonumber(part[7] or 0)
  local auditGone = unaudited
  if call("XLEN", KEYS[2]) == 0 then
    gone, auditGone = tonumber(part[2] or 0), audited
    call("DEL", KEYS[5])
  elseif isHeld and epoch == lastEpoch then
    gone = math.min(tonumber(ARGV[2]), tonumber(part[2] or 0))
    auditGone = math.min(tonumber(ARGV[8]) or unaudited, audited)
  end
  if gone > out then
    call("HSET", KEYS[1], "out", text(gone))
  end
  if auditGone > unaudited then
    call("HSET", KEYS[1], "unaudited", text(auditGone))
  end
  if ARGV[5] == "1" then
    unstored = text(call("HINCRBY", KEYS[1], "unstored", 1))
  end
  local storedEpoch, storedNumber = pair(part[4])
  if isHeld and beyond(lastEpoch, lastNumber, storedEpoch, storedNumber) then
    call("HSET", KEYS[1], "stored", last)
  else
    last = part[4]
  end
end
if not last then
  return ""
end
call("SPUBLISH", KEYS[3], '{"stored":"' .. last .. '","unstored":' .. unstored .. "}")
return last
