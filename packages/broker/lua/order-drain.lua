#!lua flags=allow-oom
-- Tells a node to drain, by a word before its record in its lease: its next beat is answered with that. A repeat changes nothing.
--
-- KEYS     1 lease
-- ARGV     none
-- Returns  1 told: 1, or 0 when the node does not live

local held = redis.call("GET", KEYS[1])
if not held or held == "condemned" then
  return 0
end
if not string.match(held, "^drain|") then
  redis.call("SET", KEYS[1], "drain|" .. held, "KEEPTTL")
end
return 1
