#!lua flags=allow-oom
-- Takes out of one channel's log what is older than the channel keeps, and of what has happened to messages what is as old.
-- Must never take anything beyond `saved`, nor anything behind an entry that stays: whoever reads on finds no hole.
--
-- KEYS     1 head  2 log  3 gone  4 acts  5 acted
-- ARGV     1 before: what was sent then or later stays, ms on this server's clock
--          2 most entries to take
-- Returns  1 taken: entries; as many as the most where there may be more

local call, try, format = redis.call, redis.pcall, string.format

--> position
--> sent-at

local before, most = tonumber(ARGV[1]), tonumber(ARGV[2])
-- keys of another type than ours hold nothing to take
local head = try("HMGET", KEYS[1], "epoch", "saved")
local saved = head[1] and head[2] or "0-0"
local rows = saved ~= "0-0" and try("XRANGE", KEYS[2], "-", saved, "COUNT", most) or {}
local taken, last = 0, nil
for _, row in ipairs(rows) do
  -- an entry of ours has its frame first
  if sentAt(row[2][2]) >= before then
    break
  end
  taken, last = taken + 1, row[1]
end
if last then
  local epoch, seq = string.match(last, "^(%d+)-(%d+)$")
  call("XTRIM", KEYS[2], "MINID", "=", epoch .. "-" .. text(seq + 1))
end

local logKey, goneKey, actsKey, actedKey = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
-- The part below forgets what has been as it is for a minute: here for as long as the channel keeps anything.
local now = before + 60000
for _ = 1, 64 do
  local had = try("ZCARD", actedKey)
  --> forget-acts
  if had == 0 or try("ZCARD", actedKey) == had then
    break
  end
end
return taken
