#!lua
-- Gives one message its place, in one atomic step: refuses, or numbers, logs, queues for Postgres and announces it.
-- Without allow-oom on purpose: a full Redis refuses the whole step before any write. A refusal writes nothing.
--
-- KEYS  1 part  2 head  3 log  4 gone  5 outbox  6 once  7 rights  8 slow  9 topic (all under one hash tag)
-- ARGV  1 channel id
--       2 hash of the content (no |)
--       3 message id
--       4 frame before its position
--       5 frame after its position
--       6 deadline, ms on this server's clock
--       7 floor: no epoch below it is given out
--       8 base: last position in Postgres as <epoch>-<seq>, read just now; "" when it was not asked for
--       9 rights version the sender was authorised with
--      10 slow mode, ms between two messages of one user; 0 for none
--      11 most bytes that may wait in this outbox
--      12 how long the outcome is remembered, ms
-- Returns an array, the outcome's number first; times in ms on this server's clock:
--   1 ok          epoch, seq, at, entry number (the entry's epoch is the message's)
--   2 duplicate   the first outcome: hash|id|epoch-seq|at|entry number
--   3 conflict    the clientId was used for another content
--   4 late        now
--   5 stale       the rights version in force
--   6 overloaded
--   7 slow_mode   ms to wait
--   8 cold        the head is not in Redis and no base was given
--
-- This runs for every message. Lua writes numbers in scientific notation from 1e14 on and takes its time over it:
-- format("%d") is exact up to 2^53 and half as dear, so each number is written once. Strings become numbers by arithmetic.

local call, format = redis.call, string.format
local channel, hash, floor, base, slowMs = ARGV[1], ARGV[2], ARGV[7] + 0, ARGV[8], ARGV[10]

-- What an entry costs beside its frame, in bytes: the other fields and the stream's own bookkeeping.
local ENTRY_OVERHEAD = 100

local function position(written)
  local epoch, seq = string.match(written, "^(%d+)-(%d+)$")
  return tonumber(epoch), tonumber(seq)
end

-- 1: a command that waited too long must not act.
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > ARGV[6] + 0 then
  return { 4, now }
end

-- 2: the same clientId again.
local first = call("GET", KEYS[6])
if first then
  if string.sub(first, 1, #hash + 1) == hash .. "|" then
    return { 2, first }
  end
  return { 3 }
end

-- 3: authorised with rights that are no longer in force.
local version = call("HGET", KEYS[7], channel) or "0"
if version ~= ARGV[9] then
  return { 5, tonumber(version) }
end

-- 4: no room, or too soon.
local part = call("HMGET", KEYS[1], "epoch", "owner", "last", "in", "out")
local epochText, owner, bytes = part[1], part[2], part[4] or 0
if bytes - (part[5] or 0) >= ARGV[11] + 0 then
  return { 6 }
end
if slowMs ~= "0" then
  local wait = call("PTTL", KEYS[8])
  if wait > 0 then
    return { 7, wait }
  end
end

-- 6, its refusal: where the channel stands.
local head = call("HMGET", KEYS[2], "epoch", "seq", "saved")
local saved = head[3] or base
local known = head[1] and (head[1] .. "-" .. head[2])
local idle = known == saved -- all of it is confirmed, so head, log and gone may be about to expire
local followEpoch, followSeq
if known then
  followEpoch, followSeq = head[1] + 0, head[2] + 0
elseif base ~= "" then
  followEpoch, followSeq = position(base)
else
  return { 8 }
end

-- 5: master_replid is new at every promotion and every restart, so a new epoch begins there: no two masters ever number
-- under the same one. A former id stays in INFO as master_replid2, hence the whole name is searched for.
local replication = call("INFO", "replication")
local epoch = (epochText or 0) + 0
local fenced = epoch < floor
if not owner or not string.find(replication, "master_replid:" .. owner, 1, true) then
  fenced, owner = true, string.match(replication, "master_replid:(%x+)")
end

-- 6: in another epoch the place follows whatever is greater, what this Redis knows or what Postgres confirmed.
if known and (fenced or followEpoch ~= epoch) then
  local savedEpoch, savedSeq = position(saved)
  if savedEpoch > followEpoch or (savedEpoch == followEpoch and savedSeq > followSeq) then
    followEpoch, followSeq, idle = savedEpoch, savedSeq, true
  end
end
if fenced or epoch < followEpoch then
  fenced = true
  epoch = math.max(now, epoch + 1, floor + 1, followEpoch + 1)
  epochText = format("%d", epoch)
end
local seq = followSeq + 1
local seqText, nowText = format("%d", seq), format("%d", now)
local place = epochText .. "-" .. seqText
local follows, prev = nil, ""
if followEpoch ~= epoch and followEpoch > 0 then
  local from, last = format("%d", followEpoch), format("%d", followSeq)
  follows = from .. "-" .. last
  prev = ',"prev":{"epoch":' .. from .. ',"seq":' .. last .. "}"
end
local frame = ARGV[4] .. ',"epoch":' .. epochText .. ',"seq":' .. seqText .. ',"at":' .. nowText .. prev .. ARGV[5]

-- The outbox first: it is the one write that could fail by itself, on an id that is not beyond the last, and then
-- nothing has been written.
local number = (part[3] or 0) + 1
local numberText = format("%d", number)
local entry = epochText .. "-" .. numberText
local total = format("%d", bytes + #frame + ENTRY_OVERHEAD)
if follows then
  call("XADD", KEYS[5], entry, "k", "message", "c", channel, "p", place, "v", follows, "f", frame, "b", total)
else
  call("XADD", KEYS[5], entry, "k", "message", "c", channel, "p", place, "f", frame, "b", total)
end

if not known then
  call("DEL", KEYS[3], KEYS[4])
elseif idle then
  call("PERSIST", KEYS[2])
  call("PERSIST", KEYS[3])
  call("PERSIST", KEYS[4])
end

if follows then
  call("XADD", KEYS[3], place, "f", frame, "v", follows)
  call("HSET", KEYS[2], "epoch", epochText, "seq", seqText, "saved", saved, "prev", follows)
else
  call("XADD", KEYS[3], place, "f", frame)
  if head[1] == epochText then
    call("HSET", KEYS[2], "seq", seqText)
  else
    call("HSET", KEYS[2], "epoch", epochText, "seq", seqText, "saved", saved, "prev", "0-0")
  end
end

if not fenced then
  call("HSET", KEYS[1], "last", numberText, "in", total)
elseif part[1] then
  call("HSET", KEYS[1], "epoch", epochText, "owner", owner, "last", numberText, "in", total)
else
  call("HSET", KEYS[1], "epoch", epochText, "owner", owner, "born", epochText, "last", numberText, "in", total)
end

call("SET", KEYS[6], hash .. "|" .. ARGV[3] .. "|" .. place .. "|" .. nowText .. "|" .. numberText, "PX", ARGV[12])
if slowMs ~= "0" then
  call("SET", KEYS[8], "", "PX", slowMs)
end

-- Kind 1 (sequenced), nobody excluded, then the place and the one it follows: envelope.ts reads it.
call("SPUBLISH", KEYS[9], struct.pack(">BBddddc0", 1, 0, epoch, seq, followEpoch, followSeq, frame))
return { 1, epoch, seq, now, number }
