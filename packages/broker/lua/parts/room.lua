-- What the partition may hold of the outbox budget, for admit.lua and record.lua. Stands once, at the top, after fence.lua.
-- Args     3 budget
-- Needs    part
-- Defines  budget, limit  in bytes
--          short  absent while the budget has room, else as weigh.lua has it: who holds how much is counted

-- `limit` and `short` are of the last look at all partitions (budget.ts). Before the first one a partition may hold a
-- quarter of the budget, as when nothing waits anywhere.
local budget, short = ARGV[3] + 0, part[7]
local limit = (part[5] or 0) + (part[6] or budget / 4)
