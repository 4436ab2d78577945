-- The position and the number of an outbox entry that come next, written into the frame. In the loop of a script, after
-- epoch.lua. Writes nothing.
-- Needs    format; epoch, epochText, lastNumber (fence), fromEpoch, fromSeq (stand); atField: the time, as the
--          frame tells it; before and after, the halves of the frame
-- Defines  seq, seqText, position, frame
--          follows  the position it follows where that is of another epoch, else nil
--          numberText  of the entry

local seq = fromSeq + 1
local seqText, follows, prev = format("%d", seq), nil, ""
local position, numberText = epochText .. "-" .. seqText, format("%d", lastNumber + 1)
if fromEpoch ~= epoch and fromEpoch > 0 then
  local from, last = format("%d", fromEpoch), format("%d", fromSeq)
  follows = from .. "-" .. last
  prev = ',"prev":{"epoch":' .. from .. ',"seq":' .. last .. "}"
end
local frame = before .. ',"epoch":' .. epochText .. ',"seq":' .. seqText .. atField .. prev .. after
