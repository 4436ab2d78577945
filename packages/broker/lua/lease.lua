#!lua flags=allow-oom
-- Renews one node's lease, or gives it a last time to live; one that was condemned is never renewed. Tells the node what it is
-- told to do, again with every beat, since an answer may be lost. Works in a full Redis: a persister that is not known to live is
-- given nothing to drain.
--
-- KEYS     1 lease
-- ARGV     1 record of the node, JSON
--          2 living: how long it counts as that without another word, ms
-- Returns  1 renewed: 1, 2 when the node is told to drain, or 0 when it was condemned: it is being cleared away after

local held = redis.call("GET", KEYS[1])
if held == "condemned" then
  return 0
end
local order = held and string.match(held, "^drain|") or ""
redis.call("SET", KEYS[1], order .. ARGV[1], "PX", ARGV[2])
return order == "" and 1 or 2
