#!lua flags=allow-oom
-- Reads where a channel stands and a stretch of its hot log, and stops by itself when what the caller may spend is spent:
-- what it sends is bounded however large the frames are. Head and entries are of one moment.
--
-- KEYS     1 head  2 part  3 log
-- ARGV     1 direction: up, what stands after the position, ascending; down, the position and what stands before it,
--            descending
--          2 position, <epoch>-<seq>; "" with down: from the newest
--          3 frames: most of them
--          4 bytes: most of them in frames, with a comma between two
--          5 whole: 1 when the first frame is given however large it is, else 0
--          6 looks: most entries looked at
--          7 which frames are wanted: "" all, message those of that type, otherwise a message id: the answers to it
--          8 beyond: 1 with up, to begin at what is saved where that is further; else 0
-- Returns  the first four as in the hashes, nil where Redis does not hold them
--          1 epoch
--          2 seq
--          3 saved
--          4 born
--          5 start: the position it read from
--          6 why it stopped: end (the log has no more), frames, bytes (another wanted one is there), looked, or apart: up
--            found that the log begins further on, which the first entry shows
--          7 entries: of each its id, the position it says it follows or "", its frame or "". Frameless are those not
--            wanted, the position itself, and one at which it stopped without giving it

local call = redis.call
local up = ARGV[1] == "up"
local start, which = ARGV[2], ARGV[7]
local mostFrames, mostBytes, mostLooked = ARGV[3] + 0, ARGV[4] + 0, ARGV[6] + 0

local head = call("HMGET", KEYS[1], "epoch", "seq", "saved")
local born = call("HGET", KEYS[2], "born")

--> position

if up and ARGV[8] == "1" and head[3] then
  local epoch, seq = pair(start)
  local savedEpoch, savedSeq = pair(head[3])
  if beyond(savedEpoch, savedSeq, epoch, seq) then
    start = head[3]
  end
end

local function field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
  return ""
end

-- In a frame of ours the id it answers stands before its meta, and quotes within a text are escaped: the first of these
-- words is the field itself.
local answer = '"replyTo":"' .. which .. '"'
local function wanted(frame)
  if which == "" then
    return true
  end
  if string.sub(frame, 1, 17) ~= '{"type":"message"' then
    return false
  end
  if which == "message" then
    return true
  end
  local at = string.find(frame, answer, 1, true)
  local meta = at and string.find(frame, '"meta":{', 1, true)
  return at and (not meta or at < meta) or false
end

-- True when no reader could take this entry for the next one after the start.
local function isApart(id, prev)
  local epoch, seq = pair(start)
  local ownEpoch, ownSeq = pair(id)
  return prev == "" and ownSeq ~= 1 and not (ownEpoch == epoch and ownSeq == seq + 1)
end

-- Entries at a time: few enough that large frames are not gathered in vain.
local function step(given, looked)
  local frames = (which == "" or which == "message") and mostFrames - given + 2 or 64
  return math.min(32, frames, mostLooked - looked + 1)
end

local entries, given, looked, bytes, why = {}, 0, 0, -1, nil
local from = up and "(" .. start or (start == "" and "+" or start)
while not why do
  local count = step(given, looked)
  local batch = up and call("XRANGE", KEYS[3], from, "+", "COUNT", count)
    or call("XREVRANGE", KEYS[3], from, "-", "COUNT", count)
  for i = 1, #batch do
    local id, fields = batch[i][1], batch[i][2]
    local prev, frame = field(fields, "v"), field(fields, "f")
    if looked == mostLooked then
      why = "looked"
    elseif up and looked == 0 and isApart(id, prev) then
      why, frame = "apart", ""
    elseif id == start or not wanted(frame) then
      frame = ""
    elseif given == mostFrames then
      why, frame = "frames", ""
    elseif bytes + 1 + #frame > mostBytes and not (given == 0 and ARGV[5] == "1") then
      why, frame = "bytes", ""
    else
      given, bytes = given + 1, bytes + 1 + #frame
    end
    if why == "looked" then
      break
    end
    looked = looked + 1
    entries[#entries + 1] = { id, prev, frame }
    if why then
      break
    end
  end
  if not why and #batch < count then
    why = "end"
  end
  if #batch > 0 then
    from = "(" .. batch[#batch][1]
  end
end

return { head[1], head[2], head[3], born, start, why, entries }
