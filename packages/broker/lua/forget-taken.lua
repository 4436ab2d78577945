#!lua flags=allow-oom
-- Takes out of a hash what Postgres has by now; what has changed since it was given stays.
--
-- KEYS     1 hash
-- ARGV     in pairs
--          1 field..
--          2 value.. as it was given
-- Returns  1 taken: how many

local taken = 0
for at = 1, #ARGV, 2 do
  if redis.call("HGET", KEYS[1], ARGV[at]) == ARGV[at + 1] then
    taken = taken + redis.call("HDEL", KEYS[1], ARGV[at])
  end
end
return taken
