-- Begins an epoch where none of this server is open, or where what is to be numbered follows a later one. The first write
-- of whatever numbers anything: all that refuses stands before it.
-- Keys     1 part
-- Needs    call, format, now (clock), fence; fromEpoch: the epoch that is followed, 0 for none

if not isOpen or epoch < fromEpoch then
  local owner, isFirst = string.match(replication, "master_replid:(%x+)"), not epochText
  epoch = math.max(now, epoch + 1, floor + 1, fromEpoch + 1)
  epochText, isOpen = format("%d", epoch), true
  if isFirst then
    call("HSET", KEYS[1], "epoch", epochText, "owner", owner, "born", epochText)
  else
    call("HSET", KEYS[1], "epoch", epochText, "owner", owner)
  end
end
