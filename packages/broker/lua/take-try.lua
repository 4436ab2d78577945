#!lua flags=allow-oom
-- Counts a try at something that may be guessed against everybody it concerns, all of them or none. Runs with allow-oom: in a
-- full Redis too nobody guesses without end.
-- On a Cluster the scopes of one slot at a time.
--
-- KEYS     for each scope  1 tries..
-- ARGV     1 most: tries in a window
--          2 window, ms, from the first try on
--          3 back: 1 to take a try back, since another server's scopes refused it or it was no guess; else 0
-- Returns  1 wait: ms until there may be another one, 0 when this one counts

local call = redis.call

local wait = 0
for _, tries in ipairs(KEYS) do
  if ARGV[3] == "1" then
    if (call("GET", tries) or "0") + 0 > 0 then
      call("DECR", tries)
    end
  elseif (call("GET", tries) or "0") + 0 >= ARGV[1] + 0 then
    -- Of another server, whose clock was ahead of this one's, a window would be longer by as much.
    if call("PTTL", tries) > ARGV[2] + 0 then
      call("PEXPIRE", tries, ARGV[2])
    end
    wait = math.max(wait, call("PTTL", tries))
  end
end
if wait > 0 or ARGV[3] == "1" then
  return wait
end
for _, tries in ipairs(KEYS) do
  if call("INCR", tries) == 1 then
    call("PEXPIRE", tries, ARGV[2])
  end
end
return 0
