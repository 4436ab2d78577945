-- What the counts of a message's emoji are with one user more, or less, on one of them. In the loop of a script.
-- Args     14 counts  16 field  18 most
-- Needs    acts
-- Sets     counts  the lines, each after a line's end
-- Refuses  too_many: sets outcome, and breaks

local emoji, most, lines, isNew = string.match(ARGV[16], "^(.[^|]*)|"), ARGV[18] + 0, {}, true
local step = most > 0 and 1 or -1
for figure, of in string.gmatch(acts == "" and ARGV[14] or string.match(acts, "^[^\n]*\n[^\n]*(.*)$"), "(%d+) ([^\n]+)") do
  if of == emoji then
    isNew, figure = false, figure + step
  end
  if figure + 0 > 0 then
    lines[#lines + 1] = "\n" .. figure .. " " .. of
  end
end
if isNew and step > 0 then
  if #lines >= most then
    outcome = "too_many"
    break
  end
  lines[#lines + 1] = "\n1 " .. emoji
end
counts = table.concat(lines)
