-- How many are in a channel, and by which rules that is told. In the loop of a script, once a channel.
-- Needs    try; here, crowd: the keys
-- Defines  online, onlineBefore  users present
--          connected  0, to be counted up by what connections there are more (attendance)
--          mode, modeBefore  as an index of the modes: 0 full, 1 digest, 2 count
--          digestAbove, countAbove, version  as they are stored, numbers; none are stored where version is below 0
--          broken  what Redis said of a key of another type than ours, else nil

local online, rules = try("HLEN", here), try("HMGET", crowd, "mode", "digest", "count", "version")
local broken = (type(online) == "table" and online.err) or rules.err
local mode, digestAbove, countAbove, version = (rules[1] or 0) + 0, (rules[2] or 0) + 0, (rules[3] or 0) + 0, (rules[4] or -1) + 0
local onlineBefore, modeBefore, connected = online, mode, 0
