#!lua flags=allow-oom
-- Tells every node of one change of who may do what, in one atomic step: raises the version that fences sends, changes what is
-- remembered of the channel's access, numbers the change, keeps it and announces it, and queues its audit record. Runs with
-- allow-oom: a ban gets through in a full Redis too. May come again, and in any order: what is older than what is known
-- changes nothing of that, but is numbered and announced.
--
-- KEYS     1 part  2 outbox  3 rights  4 controls  5 control: the topic
--          where Postgres numbered the change  6 told..
--          and where it is a channel's  7 access..
-- ARGV     1 control: the change, JSON
--          2 floor: no epoch of the outbox below it is given out
--          3 fresh: 1 when the floor was read just now, 0 when a new epoch has to wait for that
--          4 audit: its record without a time, JSON; "" for none
--          5 logged: how many changes are kept for those who missed some
--          6 kept: how long, ms, after the last one; and how long it is known that an audit record was queued
--          where Postgres numbered the change
--          7 channel: its id; * where it concerns no one channel
--          8 version: of its rights, with this change
--          and where it is a channel's
--          9 most: fields of an access of which no entry is missing
--          10 record: of the channel, JSON
--          11 forgets: 1 when every other entry may have changed too, else 0
--          for each entry that changed
--          12 user.. whose it is
--          13 entry.. JSON; "" for none
-- Returns  1 outcome: ok, or cold when nothing was done, since an epoch of the outbox begins and the floor is not fresh
--          2 number: of the control
--          3 broken: what Redis said of a key of another type than ours, "" where all was done

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format

--> clock
--> fence
--> position

local told, access, broken = KEYS[6], KEYS[7], ""
local frame, fromEpoch, more, left = ARGV[4], 0, 0, 0
local isAudited = frame ~= "" and not (told and call("EXISTS", told) == 1)
if isAudited and not isOpen and ARGV[3] ~= "1" then
  return { "cold", "", "" }
end

-- One that fails keeps no other from being done: nodes are told whatever has become of a key.
local function done(reply)
  if type(reply) == "table" and reply.err and broken == "" then
    broken = reply.err
  end
  return reply
end

local version = (ARGV[8] or 0) + 0
if told then
  local inForce = done(try("HGET", KEYS[3], ARGV[7])) or "0"
  if type(inForce) == "string" and inForce + 0 < version then
    done(try("HSET", KEYS[3], ARGV[7], ARGV[8]))
  end
end
if access then
  -- What was remembered just before this change is turned into what is so after it. Whatever lies further back misses another
  -- change, and what another server was told may be older than what that server knew at its end.
  local mark = done(try("HGET", access, "@"))
  local known, teller = string.match(type(mark) == "string" and mark or "", "^(%d+)|(%x+)$")
  local isOurs = teller and string.find(replication, "master_replid:" .. teller, 1, true)
  if isOurs and (known + 0 == version or known + 1 == version) then
    local left = try("PTTL", access)
    if ARGV[11] == "1" then
      try("DEL", access)
    end
    done(try("HSET", access, "", ARGV[10], "@", ARGV[8] .. "|" .. teller))
    for at = 12, #ARGV, 2 do
      done(try("HSET", access, "u|" .. ARGV[at], ARGV[at + 1]))
    end
    if try("HLEN", access) > ARGV[9] + 0 then
      try("HDEL", access, "*")
    end
    try("PEXPIRE", access, left)
  elseif not isOurs or known + 0 < version then
    try("DEL", access)
  end
end

local last = call("HMGET", KEYS[1], "control", "teller")
local controlEpoch, controlNumber = pair(last[1])
if not last[2] or not string.find(replication, "master_replid:" .. last[2], 1, true) then
  controlEpoch, controlNumber = math.max(now, controlEpoch + 1), 0
  call("HSET", KEYS[1], "teller", string.match(replication, "master_replid:(%x+)"))
end
local number = text(controlEpoch) .. "-" .. text(controlNumber + 1)
call("HSET", KEYS[1], "control", number)
done(try("XADD", KEYS[4], "MAXLEN", "~", ARGV[5], number, "c", ARGV[1]))
try("PEXPIRE", KEYS[4], ARGV[6])
call("SPUBLISH", KEYS[5], '{"control":"' .. number .. '","c":' .. ARGV[1] .. "}")

if isAudited then
  frame = '{"at":' .. format("%d", now) .. "," .. string.sub(frame, 2)
  --> epoch
  local numberText = format("%d", lastNumber + 1)
  --> reserve
  local queued = done(try("XADD", KEYS[2], entry, "k", "audit", "f", frame, "b", total))
  if type(queued) == "string" then
    if told then
      try("SET", told, "", "PX", ARGV[6])
    end
  else
    try("HSET", KEYS[1], "in", format("%d", waiting))
  end
end
return { "ok", number, broken }
