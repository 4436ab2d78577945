#!lua flags=allow-oom
-- Writes down a fact of the whole cluster unless it stands already, and tells what stands. Asked at every start, so it
-- must work in a Redis that is full: whoever drains it has to start first.
--
-- KEYS     1 fact
-- ARGV     1 claimed: what it shall be when nothing is there
-- Returns  1 fact: what is in force

local known = redis.call("GET", KEYS[1])
if known then
  return known
end
redis.call("SET", KEYS[1], ARGV[1])
return ARGV[1]
