-- Sees to it after a failed write that nothing is numbered twice. In a script, after announce.lua.
-- Keys     1 part
-- Needs    try, format, fence; broken, refusing (record), isMoved (announce)

if broken then
  -- A stream refuses an id that is not beyond its last: then, and where the head was not moved, so that this position might
  -- be given again, the partition loses its owner, and what is numbered next begins an epoch beyond both.
  local last, ahead = refusing and try("XINFO", "STREAM", refusing) or {}, 0
  for at = 1, #last, 2 do
    if last[at] == "last-generated-id" then
      ahead = string.match(last[at + 1], "^%d+") + 0
    end
  end
  if not isMoved or (ahead > 0 and ahead < 2 ^ 53) then
    epoch, isOpen = math.max(epoch, ahead), false
    epochText = format("%d", epoch)
    try("HSET", KEYS[1], "epoch", epochText)
    try("HDEL", KEYS[1], "owner")
  end
end
