-- When the frame of a log entry was sent. Stands once, at the top of a script.
-- Defines  sentAt(frame)  ms on this server's clock; 0 of what is no frame of ours

local function sentAt(frame)
  return tonumber(string.match(frame, '^{"type":"%a+","channel":"[^"]*","epoch":%d+,"seq":%d+,"at":(%d+)') or 0)
end
