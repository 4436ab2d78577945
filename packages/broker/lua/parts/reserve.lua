-- Gives out the number of an outbox entry, and reserves it before anything is added: whatever breaks from here on, no later
-- entry meets it again. In the loop of a script, after epoch.lua.
-- Keys     1 part
-- Needs    call, format, fence; frame: what the entry holds
-- Defines  numberText, entry  its number and its id
--          size, total  what it costs, and the bytes ever put into the outbox with it

-- An entry costs about 100 bytes beside its frame: the other fields and the stream's own bookkeeping.
local size = #frame + 100
lastNumber = lastNumber + 1
local numberText, total = format("%d", lastNumber), format("%d", waiting + size)
local entry = epochText .. "-" .. numberText
call("HSET", KEYS[1], "last", numberText, "in", total)
