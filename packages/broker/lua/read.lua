#!lua
-- Moves how far a user has read in a channel, forward only, and tells the user's sessions on other edges. What was read
-- stands here at once and waits for Postgres, which the persister gives it to.
--
-- KEYS     1 head  2 read  3 unread  4 here  5 topic
-- ARGV     1 channel
--          2 user
--          3 position that was read up to, <epoch>-<seq>
--          4 followed: where the channel stands for the caller, <epoch>-<seq>; asked where Redis holds no head
--          5 known: what Postgres has, <epoch>-<seq>, 0-0 for nothing; "" while it was not asked
--          6 connections of the user in the channel by the caller's own node
--          7 session that must not hear of it
--          8 frame: the finished frame for the others
--          9 kept: how long the channel's positions stay after their last use, ms
-- Returns  1 outcome: moved; stood, it was read up to there or further; beyond, the channel does not reach so far;
--            unfamiliar, Redis does not know how far it was read, and the caller has to say what Postgres has
--          2 read: up to where it is read now, "" if beyond or unfamiliar
--          3 heard: connections to Redis that were told, 0 where nobody had to be
--          then as in the hash, nil where Redis does not hold them
--          4 epoch
--          5 seq
--          6 saved

local call = redis.call

--> position

local whose = ARGV[1] .. "|" .. ARGV[2]
local epoch, seq = pair(ARGV[3])
local head = call("HMGET", KEYS[1], "epoch", "seq", "saved")
local function answer(outcome, read, heard)
  return { outcome, read, heard, head[1], head[2], head[3] }
end

-- As readers of the head take it: where Postgres has more than this Redis numbered, the channel reaches as far as that.
local lastEpoch, lastSeq = pair(ARGV[4])
if head[1] then
  lastEpoch, lastSeq = head[1] + 0, head[2] + 0
  local savedEpoch, savedSeq = pair(head[3])
  if beyond(savedEpoch, savedSeq, lastEpoch, lastSeq) then
    lastEpoch, lastSeq = savedEpoch, savedSeq
  end
end
if beyond(epoch, seq, lastEpoch, lastSeq) then
  return answer("beyond", "", 0)
end

local stands = call("HGET", KEYS[2], ARGV[2]) or call("HGET", KEYS[3], whose) or (ARGV[5] ~= "" and ARGV[5])
if not stands then
  return answer("unfamiliar", "", 0)
end
local outcome, heard = "stood", 0
local standsEpoch, standsSeq = pair(stands)
if beyond(epoch, seq, standsEpoch, standsSeq) then
  outcome, stands = "moved", ARGV[3]
  call("HSET", KEYS[3], whose, stands)
end
call("HSET", KEYS[2], ARGV[2], stands)
call("PEXPIRE", KEYS[2], ARGV[9])

if outcome == "moved" then
  -- Whoever is not counted, since a new master has not been told yet who is here, may have sessions anywhere.
  local connections = string.match(call("HGET", KEYS[4], ARGV[2]) or "", "^%d+")
  if not connections or connections + 0 > ARGV[6] + 0 then
    local exclude = ARGV[7] .. "|" .. ARGV[2]
    heard = call("SPUBLISH", KEYS[5], struct.pack(">BBdddd", 6, #exclude, 0, 0, 0, 0) .. exclude .. ARGV[8])
  end
end
return answer(outcome, stands, heard)
