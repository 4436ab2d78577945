-- Gives out the number of an outbox entry. The first of a run reserves as many as the run may still need, before anything is
-- added: whatever breaks from here on, no later entry meets one of them again. In the loop of a script, after number.lua; its
-- end writes what was really given out.
-- Keys     1 part
-- Needs    try, format, fence; frame and more: what the entry holds, and bytes beside it; numberText; left: how many may follow in this run
-- Defines  entry  its id
--          size, total  what it costs, and the bytes ever put into the outbox with it

-- An entry costs about 100 bytes beside its frame: the other fields and the stream's own bookkeeping.
local size = #frame + more + 100
lastNumber = lastNumber + 1
local total, entry = format("%d", waiting + size), epochText .. "-" .. numberText
if not reserved then
  reserved, counted = lastNumber + left, waiting + size
  try("HSET", KEYS[1], "last", left == 0 and numberText or format("%d", reserved), "in", total)
end
