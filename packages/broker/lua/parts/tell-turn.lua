-- Announces who came or went, as the finished frame in an envelope that unpack-envelope.ts reads. In the loop of a script, after
-- attendance.lua and mode.lua. By numbers alone nobody is named: one envelope at the end tells them, see tell-crowd.lua.
-- Needs    call, try, format; topic, channel; turned, user, name, online, mode; exclude: the session that is not told, or ""
-- Changes  toldMode  the mode told last
--          untold  whether online has changed since it was told

if mode == 2 then
  untold = true
else
  -- As JSON.stringify writes it: what needs no escape, mostly, is not looked at twice.
  local frame = '{"type":"' .. turned .. '","channel":"' .. channel .. '","user":'
  for each = 1, 2 do
    local text = each == 1 and user or name
    if string.find(text, '[%c"\\]') then
      frame = frame .. string.gsub(cjson.encode(text), "\\/", "/")
    else
      frame = frame .. '"' .. text .. '"'
    end
    frame = frame .. (each == 1 and ',"name":' or ',"online":' .. format("%d", online) .. "}")
  end
  try("SPUBLISH", topic, struct.pack(">BBdddd", 4, #exclude, online, mode, 0, 0) .. exclude .. frame)
  toldMode, untold = mode, false
end
