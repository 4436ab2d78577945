-- Ends a stretch of a channel: writes its head, then tells all who listen, by envelopes as unpack-envelope.ts reads them.
-- Nobody is excluded. In a script, after the loop in which record.lua stands.
-- Keys     1 part
-- Needs    call, try, format; headKey, topic, answers, answerAt; stretchAt: where the stretch's answers begin; stand, record;
--          envelopes: the newest kind that every edge reads, nil while it was not asked for
-- Defines  isMoved  false: the head was not written
-- Changes  broken

if count > 0 then
  local moved, told
  if firstFollows then
    moved = try("HSET", headKey, "epoch", epochText, "seq", format("%d", fromSeq), "saved", saved, "prev", firstFollows)
  elseif headEpoch == epochText then
    moved = try("HSET", headKey, "seq", format("%d", fromSeq))
  else
    moved = try("HSET", headKey, "epoch", epochText, "seq", format("%d", fromSeq), "saved", saved, "prev", "0-0")
  end
  isMoved = type(moved) == "number"

  if count == 1 then
    told = try("SPUBLISH", topic, struct.pack(">BBdddd", 1, 0, firstEpoch, firstSeq, beforeEpoch, beforeSeq) .. frames)
  else
    envelopes = envelopes or (call("HGET", KEYS[1], "envelopes") or 0) + 0
    if envelopes >= 3 then
      -- One for all: the header of the first, then the frames, between which a line ends. No frame holds the end of a line.
      local header = struct.pack(">BBdddd", 3, 0, firstEpoch, firstSeq, beforeEpoch, beforeSeq)
      told = try("SPUBLISH", topic, header .. table.concat(frames, "\n"))
    else
      for at = 1, count do
        local seq = firstSeq + at - 1
        told = try("SPUBLISH", topic, struct.pack(">BBdddd", 1, 0, firstEpoch, seq, beforeEpoch, beforeSeq) .. frames[at])
        beforeEpoch, beforeSeq = firstEpoch, seq
      end
    end
  end

  -- Where head or topic refused, all of the stretch has broken: each stands in the outbox and the log.
  local reason = (not isMoved and moved.err) or (type(told) ~= "number" and told.err)
  if reason then
    broken = broken or reason
    for at = stretchAt + 1, answerAt, 4 do
      if answers[at] == "ok" then
        answers[at], answers[at + 1], answers[at + 2], answers[at + 3] = "broken", reason, 0, 0
      end
    end
  end
end
