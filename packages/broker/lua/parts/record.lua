-- Queues for Postgres what was numbered, and adds it to its channel's log. A write that fails keeps no other from being tried.
-- In the loop of a script, after number.lua and reserve.lua; announce.lua and recover.lua come after the loop.
-- Keys     2 outbox  4 held
-- Needs    try, format, waiting (fence), short (room), stand, number, reserve; kind of the entry, channel, user where short, logKey, goneKey,
--          headKey
-- Defines  isQueued  false: nothing of it stands
-- Changes  count, frames and what else announce.lua is told of a stretch
--          broken, refusing  what Redis said to a write that failed, and the stream that did

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
local isQueued = not queued.err

if isQueued then
  waiting = waiting + size
  if short then
    try("ZINCRBY", KEYS[4], size, "c|" .. channel)
    try("ZINCRBY", KEYS[4], size, "u|" .. user)
  end
  if count == 0 then
    if not headEpoch and not hasLog then
      try("DEL", logKey, goneKey)
    elseif isIdle or hasLog then
      try("PERSIST", headKey)
      try("PERSIST", logKey)
      try("PERSIST", goneKey)
    end
    firstEpoch, firstSeq, firstFollows, beforeEpoch, beforeSeq, frames = epoch, seq, follows, fromEpoch, fromSeq, frame
  elseif count == 1 then
    frames = { frames, frame }
  else
    frames[count + 1] = frame
  end
  count = count + 1
  local logged
  if follows then
    logged = try("XADD", logKey, position, "f", frame, "v", follows)
  else
    logged = try("XADD", logKey, position, "f", frame)
  end
  fromEpoch, fromSeq = epoch, seq
  if logged.err then
    broken, refusing = logged.err, logKey
  end
else
  broken, refusing = queued.err, KEYS[2]
end
