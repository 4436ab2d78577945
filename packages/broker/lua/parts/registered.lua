-- Whether what a node tells of its people still counts. Stands once, at the top of a script, after clock.lua. Writes nothing.
-- Keys     1 lease
-- Args     1 deadline  2 known
-- Needs    call, now (clock)
-- Defines  serving  the replication id of this server
-- Refuses  the whole run, by a return: late, when it waited too long; fenced, when the mark of the node is not in its lease set,
--          since it was reaped or this Redis lost it; moved, when another server than the known one answers

if now > ARGV[1] + 0 then
  return { now, "late", "" }
end
-- The mark is asked for and not the set, since a set that is being cleared away is there too.
if call("SISMEMBER", KEYS[1], "") == 0 then
  return { now, "fenced", "" }
end
local serving = string.match(call("INFO", "replication"), "master_replid:(%x+)")
if ARGV[2] ~= "" and ARGV[2] ~= serving then
  return { now, "moved", serving }
end
