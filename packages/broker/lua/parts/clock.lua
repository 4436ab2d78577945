-- One moment for the whole run, on the clock that judges deadlines. Stands once, at the top of a script.
-- Needs    call
-- Defines  now  this server's time, whole ms since the Unix epoch

local time = call("TIME")
local micros = time[2] + 0
local now = time[1] * 1000 + (micros - micros % 1000) / 1000
