#!lua
-- Gives one message its place, in one atomic step: refuses, or numbers, logs, queues for Postgres and announces it.
-- Without allow-oom on purpose: a full Redis refuses the whole step before any write. A refusal writes nothing.
-- A write that fails ends this message and no other: its number is reserved before anything is added, and where a place
-- might be given twice the next message begins an epoch of its own.
--
-- KEYS  1 part  2 head  3 log  4 gone  5 outbox  6 once  7 rights  8 slow  9 topic  10 held (all under one hash tag)
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
--      11 the budget: bytes that may wait in the outboxes of all partitions
--      12 how long the outcome is remembered, ms
--      13 the user
-- Returns an array, the outcome's number first; times in ms on this server's clock:
--   1 ok          epoch, seq, at, entry number (the entry's epoch is the message's)
--   2 duplicate   the first outcome: hash|id|epoch-seq|at|entry number
--   3 conflict    the clientId was used for another content
--   4 late        now
--   5 stale       the rights version in force
--   6 overloaded  whose share of the budget is spent: partition, channel or user
--   7 slow_mode   ms to wait
--   8 cold        the head is not in Redis and no base was given
--   9 broken      what Redis said to a write; what was written before it stands
--
-- This runs for every message. Lua writes numbers in scientific notation from 1e14 on and takes its time over it:
-- format("%d") is exact up to 2^53 and half as dear, so each number is written once. Strings become numbers by arithmetic.

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format
local channel, hash, floor, base, slowMs, user = ARGV[1], ARGV[2], ARGV[7] + 0, ARGV[8], ARGV[10], ARGV[13]

-- What an entry costs beside its frame, in bytes: the other fields and the stream's own bookkeeping.
local ENTRY_OVERHEAD = 100

local POSITION = "^(%d+)-(%d+)$"

-- 1: a command that waited too long must not act.
local time = call("TIME")
local micros = time[2] + 0
local now = time[1] * 1000 + (micros - micros % 1000) / 1000
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

-- 4: no room, or too soon. `limit` and `short` are of the last look at all partitions (budget.ts). Before the first one a
-- partition may hold a quarter of the budget, as when nothing waits anywhere. Who holds how much is counted only once the
-- budget runs short, so that nobody pays for it before it matters.
local part = call("HMGET", KEYS[1], "epoch", "owner", "last", "in", "out", "limit", "short")
local epochText, owner, bytes, short = part[1], part[2], part[4] or 0, part[7]
if bytes - (part[5] or 0) >= (part[6] or ARGV[11] / 4) + 0 then
  return { 6, "partition" }
end
if short == "full" then
  local budget = ARGV[11] + 0
  local held = try("ZMSCORE", KEYS[10], "c|" .. channel, "u|" .. user)
  if (held[1] or 0) * 4 >= budget then
    return { 6, "channel" }
  end
  -- `over` lists, each between two newlines, those who hold too much in all partitions together.
  if (held[2] or 0) * 10 >= budget or string.find(call("HGET", KEYS[1], "over") or "", "\n" .. user .. "\n", 1, true) then
    return { 6, "user" }
  end
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
local followEpoch, followSeq, hasLog
if known then
  followEpoch, followSeq = head[1] + 0, head[2] + 0
elseif base ~= "" then
  local baseEpoch, baseSeq = string.match(base, POSITION)
  followEpoch, followSeq = baseEpoch + 0, baseSeq + 0
  -- The log expires with the head, once all is confirmed: one that is left and goes further than Postgres holds messages
  -- that still wait, whose places must not be given again.
  local newest = try("XREVRANGE", KEYS[3], "+", "-", "COUNT", 1)
  local newestEpoch, newestSeq = string.match(newest[1] and newest[1][1] or "0-0", POSITION)
  newestEpoch, newestSeq = newestEpoch + 0, newestSeq + 0
  if newestEpoch > followEpoch or (newestEpoch == followEpoch and newestSeq > followSeq) then
    followEpoch, followSeq, hasLog = newestEpoch, newestSeq, true
  end
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
  local savedEpoch, savedSeq = string.match(saved, POSITION)
  savedEpoch, savedSeq = savedEpoch + 0, savedSeq + 0
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

-- The number is reserved before anything is added: whatever breaks from here on, no later message meets it again.
local number = (part[3] or 0) + 1
local numberText = format("%d", number)
local entry = epochText .. "-" .. numberText
local size = #frame + ENTRY_OVERHEAD
local total = format("%d", bytes + size)
if not fenced then
  call("HSET", KEYS[1], "last", numberText, "in", total)
elseif part[1] then
  call("HSET", KEYS[1], "epoch", epochText, "owner", owner, "last", numberText, "in", total)
else
  call("HSET", KEYS[1], "epoch", epochText, "owner", owner, "born", epochText, "last", numberText, "in", total)
end

-- The outbox first: where it refuses, nothing of the message stands; where it does not, Postgres will have the message at
-- its place, so the rest is written as far as it can be.
local queued
if short then
  -- An entry that was counted says so, and for whom: save.lua takes the same off again.
  local fields = { "k", "message", "c", channel, "p", place, "f", frame, "b", total, "u", user, "n", format("%d", size) }
  if follows then
    fields[#fields + 1] = "v"
    fields[#fields + 1] = follows
  end
  queued = try("XADD", KEYS[5], entry, unpack(fields))
elseif follows then
  queued = try("XADD", KEYS[5], entry, "k", "message", "c", channel, "p", place, "v", follows, "f", frame, "b", total)
else
  queued = try("XADD", KEYS[5], entry, "k", "message", "c", channel, "p", place, "f", frame, "b", total)
end
local broken, refusing, isMoved = queued.err, KEYS[5], true

if not broken then
  if not known and not hasLog then
    try("DEL", KEYS[3], KEYS[4])
  elseif idle or hasLog then
    try("PERSIST", KEYS[2])
    try("PERSIST", KEYS[3])
    try("PERSIST", KEYS[4])
  end

  local logged, moved
  if follows then
    logged = try("XADD", KEYS[3], place, "f", frame, "v", follows)
    moved = try("HSET", KEYS[2], "epoch", epochText, "seq", seqText, "saved", saved, "prev", follows)
  else
    logged = try("XADD", KEYS[3], place, "f", frame)
    if head[1] == epochText then
      moved = try("HSET", KEYS[2], "seq", seqText)
    else
      moved = try("HSET", KEYS[2], "epoch", epochText, "seq", seqText, "saved", saved, "prev", "0-0")
    end
  end

  local outcome = hash .. "|" .. ARGV[3] .. "|" .. place .. "|" .. nowText .. "|" .. numberText
  local remembered = try("SET", KEYS[6], outcome, "PX", ARGV[12])
  if slowMs ~= "0" then
    try("SET", KEYS[8], "", "PX", slowMs)
  end
  if short then
    try("ZINCRBY", KEYS[10], size, "c|" .. channel)
    try("ZINCRBY", KEYS[10], size, "u|" .. user)
  end

  -- Kind 1 (sequenced), nobody excluded, then the place and the one it follows: envelope.ts reads it.
  local told = try("SPUBLISH", KEYS[9], struct.pack(">BBdddd", 1, 0, epoch, seq, followEpoch, followSeq) .. frame)
  if type(told) == "number" and type(moved) == "number" and not logged.err and not remembered.err then
    return { 1, epoch, seq, now, number }
  end
  isMoved = type(moved) == "number"
  broken = logged.err or remembered.err or (not isMoved and moved.err) or told.err
  refusing = logged.err and KEYS[3]
end

-- Something failed. A stream refuses an id that is not beyond its last: then, and where the head was not moved, so that
-- this place might be given again, the partition loses its owner, and its next message begins an epoch beyond both.
if refusing == KEYS[5] then
  try("HSET", KEYS[1], "in", format("%d", bytes))
end
local last = refusing and try("XINFO", "STREAM", refusing) or {}
local ahead = 0
for at = 1, #last, 2 do
  if last[at] == "last-generated-id" then
    ahead = string.match(last[at + 1], POSITION) + 0
  end
end
if not isMoved or (ahead > 0 and ahead < 2 ^ 53) then
  try("HSET", KEYS[1], "epoch", format("%d", math.max(epoch, ahead)))
  try("HDEL", KEYS[1], "owner")
end
return { 9, broken }
