#!lua flags=allow-oom
-- Gives some of what waits in hashes for Postgres, and takes nothing: what was given goes by forget-taken.lua.
--
-- KEYS     1 hash.. of what waits
-- ARGV     1 most: fields given, of all hashes together
-- Returns  1 fields.. for each hash: field and value, one after the other

local left = ARGV[1] + 0
local answer = {}
for at = 1, #KEYS do
  local some = {}
  if left > 0 then
    -- Any of them, so that none waits for ever behind others that change all the time. A broken key holds up no other.
    local given = redis.pcall("HRANDFIELD", KEYS[at], left, "WITHVALUES")
    some = given.err and {} or given
    left = left - #some / 2
  end
  answer[at] = some
end
return answer
