-- Where the text of a message stands that is to be deleted: its own entry in the log, and those of its edits, each of which
-- names the one before it. What the log does not have any more is in Postgres. In the loop of a script, after stand.lua.
-- Args     15 last
-- Needs    try, position; logKey, saved, target
-- Sets     removed  for each entry: its position, frame, number in the outbox, and the position it follows where that is of
--                   another epoch; the message first, if it is there
--          edits    of each edit there: position|time|position it follows, or ""
-- Refuses  waits, broken: sets outcome and one, and breaks

-- A deletion must not hold up Redis: more edits than the log keeps of what is saved are refused before they wait.
local MOST = 4096
local savedEpoch, savedSeq = pair(saved)
local wanted, isEdit = target, false
removed, edits = {}, {}
while wanted ~= "" and #removed <= MOST do
  local rows = try("XRANGE", logKey, wanted, wanted)
  if rows.err then
    outcome, one = "broken", rows.err
    break
  end
  local found = { position = wanted }
  local fields = rows[1] and rows[1][2] or {}
  for at = 1, #fields, 2 do
    found[fields[at]] = fields[at + 1]
  end
  -- What waits can only be taken out of the outbox by its number, which a log entry of an earlier build does not name.
  local wantedEpoch, wantedSeq = pair(wanted)
  if not found.o and beyond(wantedEpoch, wantedSeq, savedEpoch, savedSeq) then
    outcome = "waits"
    break
  end
  if found.f then
    removed[#removed + 1] = found
  end
  if isEdit and found.f then
    edits[#edits + 1] = wanted .. "|" .. string.match(found.f, ',"at":(%d+)') .. "|" .. (found.v or "")
  end
  if isEdit then
    wanted = found.e or ""
  else
    wanted, isEdit = ARGV[15], true
  end
end
if outcome ~= "" then
  break
end
