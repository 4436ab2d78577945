-- What the lease of a node holds. How long it holds is reckoned by the clock of the server that gave it. Where that one's clock was
-- ahead of this one's, it would outlast its node by as much: it holds from now on for as long as it was given for.
-- Defines  leaseOf(key)  what it holds, false where it ended

local function leaseOf(key)
  local held = redis.call("GET", key)
  local living = held and string.match(held, '"livingMs":(%d+)')
  if living and redis.call("PTTL", key) > living + 0 then
    redis.call("PEXPIRE", key, living)
  end
  return held
end
