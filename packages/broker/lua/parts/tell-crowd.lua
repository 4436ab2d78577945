-- Keeps how a channel's crowd is told, and tells by an envelope with an empty frame what no frame has told: another mode, or
-- other numbers in a channel that is told by numbers alone. In the loop of a script, after a channel's users.
-- Args     4 kept
-- Needs    call, try, format; crowd: the key; topic; crowd.lua; hasNewRules; toldMode, untold (tell-turn)

if hasNewRules then
  local texts = { format("%d", digestAbove), format("%d", countAbove), format("%d", version) }
  call("HSET", crowd, "mode", mode, "digest", texts[1], "count", texts[2], "version", texts[3])
elseif mode ~= modeBefore then
  call("HSET", crowd, "mode", mode)
end
if online == 0 and (onlineBefore > 0 or hasNewRules) then
  call("PEXPIRE", crowd, ARGV[4])
elseif online > 0 and onlineBefore == 0 then
  call("PERSIST", crowd)
end
if untold or mode ~= toldMode then
  try("SPUBLISH", topic, struct.pack(">BBdddd", 4, 0, online, mode, 0, 0))
end
