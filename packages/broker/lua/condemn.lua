#!lua flags=allow-oom
-- Takes a node that is not heard of for dead, once and for all: whatever it says afterwards, it has to say under another id. One
-- key, so it either comes before a beat or after it. Works in a full Redis, which is emptied by what follows.
--
-- KEYS     1 lease
-- ARGV     1 kept: how long the word stands, ms
-- Returns  1 condemned: 1, also when it was before; 0 when the node lives

local held = redis.call("GET", KEYS[1])
if held and held ~= "condemned" then
  return 0
end
redis.call("SET", KEYS[1], "condemned", "PX", ARGV[1])
return 1
