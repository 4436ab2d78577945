-- Positions and entry ids as they are written, <epoch>-<number>, and which of two is further. Stands once, at the top of a
-- script that does not run for every message: functions cost more than what they do here.
-- Defines  text(number)   a whole number below 2^53 in digits: Lua itself writes 1e14 and more in scientific notation
--          pair(written)  the two numbers; 0, 0 for whatever is no such pair
--          beyond(epoch, number, otherEpoch, otherNumber)  whether the first stands further than the second

local function text(number)
  return string.format("%d", number)
end

local function pair(written)
  local epoch, number = string.match(written or "", "^(%d+)-(%d+)$")
  return (epoch or 0) + 0, (number or 0) + 0
end

local function beyond(epoch, number, otherEpoch, otherNumber)
  return epoch > otherEpoch or (epoch == otherEpoch and number > otherNumber)
end
