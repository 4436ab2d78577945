#!lua flags=allow-oom
-- Reads where a channel stands and a stretch of its hot log, and stops by itself when what the caller may spend is spent:
-- what it sends is bounded however large the frames are. Head and entries are of one moment. What was taken out of the log is
-- given where it stood, by its tombstone: nobody must take that for a hole.
--
-- KEYS     1 head  2 part  3 log  4 gone  5 acts
-- ARGV     1 direction: up, what stands after the position, ascending; down, the position and what stands before it,
--            descending
--          2 position, <epoch>-<seq>; "" with down: from the newest
--          3 frames: most of them
--          4 bytes: most of them in frames and in what is told beside them, with a comma between two
--          5 whole: 1 when the first frame is given however large it is, else 0
--          6 looks: most entries looked at
--          7 which frames are wanted: "" all, bare all without their text and of messages only who wrote them and whom they mention,
--            message those of that type, otherwise a message id: the answers to it
--          8 beyond: 1 with up, to begin at what is saved where that is further; else 0
-- Returns  the first five as in the hashes, nil where Redis does not hold them
--          1 epoch
--          2 seq
--          3 saved
--          4 corrected: the last correction of what an epoch follows
--          5 born
--          6 start: the position it read from
--          7 why it stopped: end (the log has no more), frames, bytes (another wanted one is there), looked, or apart: up
--            found that the log begins further on, which the first entry shows
--          8 entries: of each its id, the position it says it follows or "", its frame or "", and what has happened to it
--            as `acts` tells or "": told of messages where not all frames are wanted. Frameless are those not wanted, the
--            position itself, and one at which it stopped without giving it

local call = redis.call
local up = ARGV[1] == "up"
local start, which = ARGV[2], ARGV[7]
local mostFrames, mostBytes, mostLooked = ARGV[3] + 0, ARGV[4] + 0, ARGV[6] + 0

local head = call("HMGET", KEYS[1], "epoch", "seq", "saved", "corrected")
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
  if which == "" or which == "bare" then
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

-- Of a message its id, its author and whom it mentions, of an edit that it is one; whatever has no text as it is. These fields
-- stand in this order, and none of their texts holds a quote without a backslash before it.
local function bare(frame)
  local text = which == "bare" and string.find(frame, ',"body":"', 1, true)
  if not text then
    return frame
  end
  if string.sub(frame, 1, 17) ~= '{"type":"message"' then
    return '{"type":"edited"}'
  end
  local id, client = string.find(frame, ',"id":"', 1, true), string.find(frame, ',"clientId":"', 1, true)
  local user, name = string.find(frame, ',"user":"', client, true), string.find(frame, ',"name":"', client, true)
  local mentions = string.find(frame, ',"mentions":[', text, true)
  local written = string.sub(frame, id, client - 1) .. string.sub(frame, user, name - 1)
  return '{"type":"message"' .. written .. (mentions and string.sub(frame, mentions) or "}")
end

-- True when no reader could take this entry for the next one after the start.
local function isApart(id, prev)
  local epoch, seq = pair(start)
  local ownEpoch, ownSeq = pair(id)
  return prev == "" and ownSeq ~= 1 and not (ownEpoch == epoch and ownSeq == seq + 1)
end

-- Entries at a time: few enough that large frames are not gathered in vain.
local function step(given, looked)
  local frames = (which == "" or which == "bare" or which == "message") and mostFrames - given + 2 or 64
  return math.min(32, frames, mostLooked - looked + 1)
end

local hasGone = call("TYPE", KEYS[4]).ok == "hash"
local hasActs = which ~= "" and which ~= "bare" and call("TYPE", KEYS[5]).ok == "hash"
local entries, given, looked, bytes, why = {}, 0, 0, -1, nil

-- Gives the entry, or says why no further one is given.
local function take(id, prev, frame)
  local acts = ""
  if looked == mostLooked then
    why = "looked"
    return
  end
  if up and looked == 0 and isApart(id, prev) then
    why, frame = "apart", ""
  elseif id == start or not wanted(frame) then
    frame = ""
  elseif given == mostFrames then
    why, frame = "frames", ""
  else
    frame = bare(frame)
    if hasActs then
      acts = call("HGET", KEYS[5], string.match(frame, ',"id":"([^"]*)"') or "") or ""
    end
    if bytes + 1 + #frame + #acts > mostBytes and not (given == 0 and ARGV[5] == "1") then
      why, frame, acts = "bytes", "", ""
    else
      given, bytes = given + 1, bytes + 1 + #frame + #acts
    end
  end
  looked = looked + 1
  entries[#entries + 1] = { id, prev, frame, acts }
end

-- What a tombstone says it follows, where that is of another epoch. No quote within a text stands without a backslash.
local function prevOf(frame)
  local epoch, seq = string.match(frame, '^{[^{}]*"prev":{"epoch":(%d+),"seq":(%d+)}')
  return epoch and epoch .. "-" .. seq or ""
end

-- Whether nothing stands between the two.
local function isNext(id, above, abovePrev)
  local epoch, seq = pair(id)
  local aboveEpoch, aboveSeq = pair(above)
  return abovePrev == id or (abovePrev == "" and epoch == aboveEpoch and seq + 1 == aboveSeq)
end

-- Gives the tombstones that follow a position one by one.
local function climb(position)
  while not why do
    local epoch, seq = pair(position)
    local id = text(epoch) .. "-" .. text(seq + 1)
    local frame = call("HGET", KEYS[4], id)
    if not frame then
      -- the first of another epoch
      id = call("HGET", KEYS[4], ">" .. position)
      frame = id and call("HGET", KEYS[4], id)
    end
    if not frame then
      return
    end
    take(id, prevOf(frame), frame)
    position = id
  end
end

-- Gives the tombstones that lead down from an entry, one by one.
local function descend(id, prev)
  while not why do
    local epoch, seq = pair(id)
    id = prev ~= "" and prev or text(epoch) .. "-" .. text(seq - 1)
    local frame = call("HGET", KEYS[4], id)
    if not frame then
      return
    end
    prev = prevOf(frame)
    take(id, prev, frame)
  end
end

local from = up and "(" .. start or (start == "" and "+" or start)
-- The last entry given and what it follows, as far as tombstones may stand next to it.
local near, nearPrev = up and start or nil, ""
local own = hasGone and not up and start ~= "" and call("HGET", KEYS[4], start)
if own then
  near, nearPrev = start, prevOf(own)
  take(start, nearPrev, own)
end
while not why do
  local count = step(given, looked)
  local batch = up and call("XRANGE", KEYS[3], from, "+", "COUNT", count)
    or call("XREVRANGE", KEYS[3], from, "-", "COUNT", count)
  for i = 1, #batch do
    local id, fields = batch[i][1], batch[i][2]
    local prev, frame = field(fields, "v"), field(fields, "f")
    if hasGone and near and not (up and isNext(near, id, prev) or isNext(id, near, nearPrev)) then
      if up then
        climb(near)
      else
        descend(near, nearPrev)
      end
    end
    if not why then
      take(id, prev, frame)
    end
    if why then
      break
    end
    near, nearPrev = id, prev
  end
  if #batch < count and not why then
    if hasGone and near and up then
      climb(near)
    elseif hasGone and near then
      descend(near, nearPrev)
    end
    why = why or "end"
  end
  if #batch > 0 then
    from = "(" .. batch[#batch][1]
  end
end

return { head[1], head[2], head[3], head[4], born, start, why, entries }
