#!lua flags=allow-oom
-- Finds a message by its id, with what is known of it: by `acts`, else in a stretch of the log, the newest first. All of one
-- moment. What neither has is in Postgres, or further down in the log where that holds more than is saved.
--
-- KEYS     1 head  2 log  3 acts  4 marks of the message
-- ARGV     1 id of the message
--          2 field of `marks`
--          3 from: the position to go on below, <epoch>-<seq>; "" to begin at the newest
--          4 looks: most entries looked at
-- Returns  "" where there is nothing to tell
--          1 acts: what is known of the message; then 5 to 8 are ""
--          2 mark
--          3 whole: w when whoever has no mark has never put one that stands
--          4 saved
--          5 position of the message in the log
--          6 prev: the position that it follows, where that is of another epoch
--          7 frame
--          8 next: where to go on, while there is more that Postgres may not have

local call = redis.call

--> position

local acts = call("HGET", KEYS[3], ARGV[1]) or ""
local marks = call("HMGET", KEYS[4], ARGV[2], "")
local saved = call("HGET", KEYS[1], "saved") or ""
local answer = { acts, marks[1] or "", marks[2] or "", saved, "", "", "", "" }
if acts ~= "" then
  return answer
end

-- The first id in a frame of ours stands before anything a user wrote, and only a message has a clientId behind it.
local own = ',"id":"' .. ARGV[1] .. '","clientId":"'
local savedEpoch, savedSeq = pair(saved)
local from, left = ARGV[3] == "" and "+" or "(" .. ARGV[3], ARGV[4] + 0
local isMore = true
while left > 0 and isMore do
  local count = math.min(32, left)
  local rows = call("XREVRANGE", KEYS[2], from, "-", "COUNT", count)
  for _, row in ipairs(rows) do
    local frame = row[2][2]
    local at = string.find(frame, own, 1, true)
    if at and at == string.find(frame, ',"id":"', 1, true) then
      answer[5], answer[7] = row[1], frame
      for field = 3, #row[2], 2 do
        if row[2][field] == "v" then
          answer[6] = row[2][field + 1]
        end
      end
      return answer
    end
  end
  local last = rows[#rows] and rows[#rows][1]
  local epoch, seq = pair(last)
  left, isMore, from = left - count, #rows == count and beyond(epoch, seq, savedEpoch, savedSeq), "(" .. (last or "")
  answer[8] = isMore and last or ""
end
return answer
