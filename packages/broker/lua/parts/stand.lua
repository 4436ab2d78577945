-- Where a channel stands, so what comes next in it has to follow. In the loop of a script, before epoch.lua, once a stretch.
-- Needs    try; epoch, isOpen (fence); headKey, logKey; base: the channel's last position in Postgres, read just now, or ""
-- Sets     fromEpoch, fromSeq  the position to follow
--          headEpoch, saved  as in the head; without one false, and base
--          isIdle   all of it is saved, so head, log and gone may be about to expire
--          hasLog   the log outlived its head
-- Refuses  cold, when the head is not in Redis and there is no base, and broken: sets outcome and one, and breaks

local head, rivalEpoch, rivalSeq = try("HMGET", headKey, "epoch", "seq", "saved"), nil, nil
headEpoch, saved = head[1], head[3] or base
if headEpoch then
  fromEpoch, fromSeq, isIdle = headEpoch + 0, head[2] + 0, headEpoch .. "-" .. head[2] == saved
  -- In another epoch what comes next follows whatever is greater, what this Redis knows or what Postgres has.
  if not isOpen or fromEpoch ~= epoch then
    rivalEpoch, rivalSeq = string.match(saved, "^(%d+)-(%d+)$")
  end
elseif head.err then
  outcome, one = "broken", head.err
  break
elseif base == "" then
  outcome = "cold"
  break
else
  fromEpoch, fromSeq = string.match(base, "^(%d+)-(%d+)$")
  fromEpoch, fromSeq = fromEpoch + 0, fromSeq + 0
  -- The log expires with the head, once all is saved: one that is left and goes further than Postgres holds messages
  -- that still wait, whose positions must not be given again.
  local newest = try("XREVRANGE", logKey, "+", "-", "COUNT", 1)
  rivalEpoch, rivalSeq = string.match(newest[1] and newest[1][1] or "", "^(%d+)-(%d+)$")
end
if rivalEpoch then
  rivalEpoch, rivalSeq = rivalEpoch + 0, rivalSeq + 0
  if rivalEpoch > fromEpoch or (rivalEpoch == fromEpoch and rivalSeq > fromSeq) then
    fromEpoch, fromSeq, isIdle, hasLog = rivalEpoch, rivalSeq, true, not headEpoch
  end
end
