-- Queues for Postgres what was numbered, and writes it into its channel. A write that fails keeps no other from being tried.
-- In the loop of a script, after number.lua and reserve.lua; recover.lua comes last.
-- Keys     1 part  2 outbox  4 held
-- Needs    try, format, waiting (fence), short (room), stand, number, reserve; kind of the entry, channel, user, headKey,
--          logKey, goneKey
-- Defines  isQueued  false: nothing of it stands
--          broken  what Redis said to a write that failed, if one did
--          refusing, isMoved  for recover.lua: the stream that refused, and whether the head was written

-- The outbox first: where it refuses, nothing stands; where it does not, Postgres will have it at its position, so the rest
-- is written as far as it can be.
local queued
if short then
  -- An entry that was counted says so, and for whom: save.lua takes the same off again.
  local fields = { "k", kind, "c", channel, "p", position, "f", frame, "b", total, "u", user, "n", format("%d", size) }
  if follows then
    fields[#fields + 1] = "v"
    fields[#fields + 1] = follows
  end
  queued = try("XADD", KEYS[2], entry, unpack(fields))
elseif follows then
  queued = try("XADD", KEYS[2], entry, "k", kind, "c", channel, "p", position, "v", follows, "f", frame, "b", total)
else
  queued = try("XADD", KEYS[2], entry, "k", kind, "c", channel, "p", position, "f", frame, "b", total)
end
local broken, refusing, isMoved, isQueued = queued.err, KEYS[2], true, not queued.err

if isQueued then
  waiting = waiting + size
  if short then
    try("ZINCRBY", KEYS[4], size, "c|" .. channel)
    try("ZINCRBY", KEYS[4], size, "u|" .. user)
  end
  if not headEpoch and not hasLog then
    try("DEL", logKey, goneKey)
  elseif isIdle or hasLog then
    try("PERSIST", headKey)
    try("PERSIST", logKey)
    try("PERSIST", goneKey)
  end
  local logged, moved
  if follows then
    logged = try("XADD", logKey, position, "f", frame, "v", follows)
    moved = try("HSET", headKey, "epoch", epochText, "seq", seqText, "saved", saved, "prev", follows)
  else
    logged = try("XADD", logKey, position, "f", frame)
    if headEpoch == epochText then
      moved = try("HSET", headKey, "seq", seqText)
    else
      moved = try("HSET", headKey, "epoch", epochText, "seq", seqText, "saved", saved, "prev", "0-0")
    end
  end
  isMoved = type(moved) == "number"
  broken = logged.err or (not isMoved and moved.err)
  refusing = logged.err and logKey
else
  try("HSET", KEYS[1], "in", format("%d", waiting))
end

if stands then
  stands[headKey] = not broken and { epochText, seqText, saved } or nil
end
