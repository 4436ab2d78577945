-- Writes down what has happened to a message, by which its next change is judged. In a script, after record.lua.
-- Keys     11 marks
-- Args     14 counts  16 field  18 most
-- Needs    try, format, now; actsKey, actedKey, kind, id, told, acts, counts, position (number)
-- Changes  broken

local line = told
if kind == "reaction" then
  line = acts == "" and told or string.match(acts, "^[^\n]*")
  -- While nobody's stands, those that are written from here on are all there are: the field without a name says so.
  if not string.find(acts == "" and ARGV[14] or acts, "\n%d+ ") then
    try("HSET", KEYS[11], "", "w")
  end
  local marked = try("HSET", KEYS[11], ARGV[16], (ARGV[18] == "0" and "0|" or "1|") .. position)
  -- Longer than a channel of which all is saved stays in Redis; whoever has none is looked up in Postgres.
  try("PEXPIRE", KEYS[11], 90000000)
  broken = broken or (type(marked) == "table" and marked.err) or nil
elseif kind == "edited" then
  line = '{"e":"' .. position .. '","a":' .. format("%d", now) .. "," .. told
  counts = string.match(acts, "^[^\n]*\n[^\n]*(.*)$") or ARGV[14]
else
  line, counts = '{"d":"' .. position .. '",' .. told, ""
  try("DEL", KEYS[11])
end
local remembered = try("HSET", actsKey, id, line .. "\n" .. position .. counts)
try("ZADD", actedKey, format("%d", now), id)
broken = broken or (type(remembered) == "table" and remembered.err) or nil
