-- The partition, read once a run, and whether this server may number on under its epoch. Stands once, at the top of a script
-- that numbers anything: a position, an outbox entry or a change of rights. Writes nothing: epoch.lua does.
-- Keys     1 part
-- Args     2 floor
-- Needs    call
-- Defines  part  the fields as they were read: epoch, owner, last, in, out, limit, short
--          replication  what INFO says of this server's replication
-- States of a run: epoch, epochText; isOpen (false: the next thing numbered begins an epoch); lastNumber and waiting, of the
--          outbox: the number given out last and the bytes ever put into it; reserved and counted, what reserve.lua wrote of them

local part = call("HMGET", KEYS[1], "epoch", "owner", "last", "in", "out", "limit", "short")
local epoch, epochText, floor = (part[1] or 0) + 0, part[1], ARGV[2] + 0
local lastNumber, waiting = (part[3] or 0) + 0, (part[4] or 0) + 0
local reserved, counted

-- master_replid is new at every promotion and every restart, so a new epoch begins there: no two masters ever number
-- under the same one. A former id stays in INFO as master_replid2, hence the whole name is searched for.
local replication = call("INFO", "replication")
local isOpen = part[2] and epoch >= floor and string.find(replication, "master_replid:" .. part[2], 1, true)
