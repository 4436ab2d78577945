-- Queues for Postgres what was numbered, and adds it to its channel's log. A write that fails keeps no other from being tried.
-- In the loop of a script, after number.lua and reserve.lua; announce.lua and recover.lua come after the loop.
-- Keys     2 outbox  4 held
-- Needs    try, format, waiting (fence), short (room), stand, number, reserve; kind of the entry, channel, user where short, logKey,
--          goneKey, actsKey, actedKey, headKey; moreQueued and moreLogged: fields that the entries have beside those that
--          every one has, in names and values, any number and one; or nil
-- Defines  isQueued  false: nothing of it stands
-- Changes  count, frames and what else announce.lua is told of a stretch
--          broken, refusing  what Redis said to a write that failed, and the stream that did

-- The outbox first: where it refuses, nothing stands; where it does not, Postgres will have it at its position, so the rest
-- is written as far as it can be.
local queued
if short or moreQueued then
  local fields = { "k", kind, "c", channel, "p", position, "f", frame, "b", total }
  for at = 1, moreQueued and #moreQueued or 0 do
    fields[#fields + 1] = moreQueued[at]
  end
  if short then
    -- An entry that was counted says so, and for whom: save.lua takes the same off again.
    local at = #fields
    fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4] = "u", user, "n", format("%d", size)
  end
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
      try("DEL", logKey, goneKey, actsKey, actedKey)
    elseif isIdle or hasLog then
      try("PERSIST", headKey)
      try("PERSIST", logKey)
      try("PERSIST", goneKey)
      try("PERSIST", actsKey)
      try("PERSIST", actedKey)
    end
    firstEpoch, firstSeq, firstFollows, beforeEpoch, beforeSeq, frames = epoch, seq, follows, fromEpoch, fromSeq, frame
  elseif count == 1 then
    frames = { frames, frame }
  else
    frames[count + 1] = frame
  end
  count = count + 1
  -- By the number of its outbox entry whoever deletes it takes that out as well.
  local logged
  if moreLogged then
    local name, value = moreLogged[1], moreLogged[2]
    if follows then
      logged = try("XADD", logKey, position, "f", frame, "o", numberText, name, value, "v", follows)
    else
      logged = try("XADD", logKey, position, "f", frame, "o", numberText, name, value)
    end
  elseif follows then
    logged = try("XADD", logKey, position, "f", frame, "o", numberText, "v", follows)
  else
    logged = try("XADD", logKey, position, "f", frame, "o", numberText)
  end
  fromEpoch, fromSeq = epoch, seq
  if logged.err then
    broken, refusing = logged.err, logKey
  end
else
  broken, refusing = queued.err, KEYS[2]
end
