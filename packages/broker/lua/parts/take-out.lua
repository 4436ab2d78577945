-- Takes the text of a deleted message out of log and outbox, and out of what its clientId is remembered by: a repeat of that
-- is still a repeat. Leaves in the log a tombstone for each. In a script, after record.lua.
-- What was taken out while it waited gets no row until the deletion has one: so long the head says that it may be saved up to
-- `cap` and no further, until what stands at `until` is saved. Whatever is saved is in Postgres without a hole.
-- Keys     2 outbox  4 held  12 once
-- Args     21 ending
-- Needs    try, format, now, position (number), pair, text, beyond (position.lua); channel, id, headKey, logKey, goneKey,
--          actedKey, target, saved; removed: see find-text.lua
-- Changes  broken

local cap = try("HGET", headKey, "cap")
cap = type(cap) == "string" and cap or nil
local capEpoch, capSeq = pair(cap)
local storedEpoch, storedSeq = pair(saved)
local holders = try("ZCARD", KEYS[4])
local hasHeld = type(holders) == "number" and holders > 0
local tombstones, inLog, inOutbox, forgotten = {}, {}, {}, {}
for _, found in ipairs(removed) do
  local at = found.position
  -- No quote within a text stands without a backslash, and what a frame says comes after all else of it that stays.
  local said = string.find(found.f, ',"body":"', 1, true)
  tombstones[#tombstones + 1] = at
  tombstones[#tombstones + 1] = said and string.sub(found.f, 1, said - 1) .. (at == target and ARGV[21] or "}") or found.f
  -- Whoever reads on from another epoch, or from nothing, finds it by what it follows.
  local follows = found.v or (string.find(at, "-1", -2, true) and "0-0")
  if follows then
    tombstones[#tombstones + 1] = ">" .. follows
    tombstones[#tombstones + 1] = at
  end
  forgotten[#forgotten + 1] = format("%d", now)
  forgotten[#forgotten + 1] = "|" .. at
  inLog[#inLog + 1] = at
  local atEpoch, atSeq = pair(at)
  if beyond(atEpoch, atSeq, storedEpoch, storedSeq) then
    local below = found.v or text(atEpoch) .. "-" .. text(atSeq - 1)
    local belowEpoch, belowSeq = pair(below)
    if not cap or beyond(capEpoch, capSeq, belowEpoch, belowSeq) then
      cap, capEpoch, capSeq = below, belowEpoch, belowSeq
    end
  end
  if found.o then
    local entryId = text(atEpoch) .. "-" .. found.o
    inOutbox[#inOutbox + 1] = entryId
    local waits = hasHeld and try("XRANGE", KEYS[2], entryId, entryId) or {}
    local fields, whose, bytes = waits[1] and waits[1][2] or {}, nil, nil
    for each = 1, #fields, 2 do
      if fields[each] == "u" then
        whose = fields[each + 1]
      elseif fields[each] == "n" then
        bytes = fields[each + 1]
      end
    end
    if whose and bytes then
      try("ZINCRBY", KEYS[4], "-" .. bytes, "c|" .. channel)
      try("ZINCRBY", KEYS[4], "-" .. bytes, "u|" .. whose)
      try("ZREMRANGEBYSCORE", KEYS[4], "-inf", "0")
    end
  end
end
for at = 1, #tombstones, 1000 do
  local left = try("HSET", goneKey, unpack(tombstones, at, math.min(at + 999, #tombstones)))
  broken = broken or (type(left) == "table" and left.err) or nil
end
-- Each is found in its stream anew, so they are taken out together; Lua hands over a few thousand values at most.
for at = 1, #inLog, 500 do
  try("XDEL", logKey, unpack(inLog, at, math.min(at + 499, #inLog)))
end
for at = 1, #inOutbox, 500 do
  try("XDEL", KEYS[2], unpack(inOutbox, at, math.min(at + 499, #inOutbox)))
end
-- XDEL only marks an entry: its bytes stay for as long as another of its block does. A short log is written anew, at a
-- microsecond or two an entry; in a longer one that would cost everybody milliseconds, and its blocks go with time.
local length, kept = try("XLEN", logKey), nil
if type(length) == "number" and length <= 100 then
  kept = try("XRANGE", logKey, "-", "+")
  try("DEL", logKey)
  for _, entry in ipairs(kept) do
    try("XADD", logKey, entry[1], unpack(entry[2]))
  end
end
for at = 1, #forgotten, 1000 do
  try("ZADD", actedKey, unpack(forgotten, at, math.min(at + 999, #forgotten)))
end
if cap then
  try("HSET", headKey, "cap", cap, "until", position)
end
local first = try("GET", KEYS[12])
local rest = type(first) == "string" and string.match(first, "^[^|]*(|.*)$")
if rest and string.sub(rest, 1, #id + 2) == "|" .. id .. "|" then
  try("SET", KEYS[12], rest, "KEEPTTL")
end
