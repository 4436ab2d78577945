-- The position that comes next in a channel, written into its frame. In the loop of a script, after epoch.lua.
-- Needs    format; epoch, epochText (fence), fromEpoch, fromSeq (stand); nowText; before and after, the halves of the frame
-- Defines  seq, seqText, position, frame
--          follows  the position it follows where that is of another epoch, else nil

local seq = fromSeq + 1
local seqText, follows, prev = format("%d", seq), nil, ""
local position = epochText .. "-" .. seqText
if fromEpoch ~= epoch and fromEpoch > 0 then
  local from, last = format("%d", fromEpoch), format("%d", fromSeq)
  follows = from .. "-" .. last
  prev = ',"prev":{"epoch":' .. from .. ',"seq":' .. last .. "}"
end
local frame = before .. ',"epoch":' .. epochText .. ',"seq":' .. seqText .. ',"at":' .. nowText .. prev .. after
