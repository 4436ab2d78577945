-- Refuses what a user may not add to a channel by the rights in force, or what finds no room. In the loop of a script.
-- Keys     1 part  3 rights  4 held
-- Needs    call, try, waiting (fence), room; channel, user where short, version; inForce: what Redis said of the version in force
-- Refuses  stale, overloaded, broken: sets outcome and one, and breaks
-- Changes  inForce  raised to the version where Redis has lost that one: Postgres gave it, so it was in force once

if inForce ~= version then
  if type(inForce) == "table" then
    outcome, one = "broken", inForce.err
    break
  elseif inForce + 0 > version + 0 then
    outcome, one = "stale", inForce + 0
    break
  end
  call("HSET", KEYS[3], channel, version)
  inForce = version
end
if waiting >= limit then
  outcome, one = "overloaded", "partition"
  break
end
-- Who holds how much is counted only once the budget runs short, so that nobody pays for it before it matters.
if short == "full" then
  local held = try("ZMSCORE", KEYS[4], "c|" .. channel, "u|" .. user)
  if (held[1] or 0) * 4 >= budget then
    outcome, one = "overloaded", "channel"
    break
  end
  -- `over` lists, each between two newlines, those who hold too much in all partitions together.
  local over = call("HGET", KEYS[1], "over") or ""
  if (held[2] or 0) * 10 >= budget or string.find(over, "\n" .. user .. "\n", 1, true) then
    outcome, one = "overloaded", "user"
    break
  end
end
