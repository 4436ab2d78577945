#!lua flags=allow-oom
-- Reads what is remembered of some messages of a channel, and stops by itself when what the caller may spend is spent.
--
-- KEYS     1 acts
-- ARGV     1 bytes: most of them in texts; the first text is given however large it is
--          2 id.. of messages
-- Returns  1 known: of how many messages, from the first on, the texts are given
--          2 texts: of each, "" where nothing is remembered of it; none at all where nothing is of any
local call = redis.call
local asked, left = #ARGV - 1, ARGV[1] + 0
if call("EXISTS", KEYS[1]) == 0 then
  return { asked, {} }
end
local texts = {}
for at = 1, asked do
  local text = call("HGET", KEYS[1], ARGV[at + 1]) or ""
  left = left - #text
  if left < 0 and at > 1 then
    break
  end
  texts[at] = text
end
return { #texts, texts }
