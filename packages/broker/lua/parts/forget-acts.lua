-- Forgets of the oldest acts and tombstones what nobody needs any more: what Postgres has, what has left the log, and what
-- is so old that whoever looked before that is no longer under way. More at a time than one change adds. In a script, after
-- record.lua.
-- Needs    try, format, now, beyond, pair (position); actsKey, actedKey, goneKey, logKey, saved

local members = try("ZRANGEBYSCORE", actedKey, "-inf", format("%d", now - 60000), "LIMIT", 0, 4)
local oldest = members[1] and try("XRANGE", logKey, "-", "+", "COUNT", 1) or {}
-- In a log that is empty all has left it.
local oldestEpoch, oldestSeq = pair(oldest[1] and oldest[1][1] or (oldest.err and "" or "9007199254740991-0"))
local confirmedEpoch, confirmedSeq = pair(saved)
for _, member in ipairs(members) do
  local stood = string.match(member, "^|(.*)$")
  local last = stood or string.match(try("HGET", actsKey, member) or "", "^[^\n]*\n(%d+%-%d+)")
  local lastEpoch, lastSeq = pair(last)
  if last and (beyond(lastEpoch, lastSeq, confirmedEpoch, confirmedSeq) or not beyond(oldestEpoch, oldestSeq, lastEpoch, lastSeq)) then
    break
  end
  if stood then
    local epoch, seq = string.match(try("HGET", goneKey, stood) or "", '^{[^{}]*"prev":{"epoch":(%d+),"seq":(%d+)}')
    local follows = epoch and epoch .. "-" .. seq or (string.find(stood, "-1", -2, true) and "0-0")
    try("HDEL", goneKey, stood, follows and ">" .. follows or stood)
  else
    try("HDEL", actsKey, member)
  end
  try("ZREM", actedKey, member)
end
