#!lua flags=allow-oom
-- Takes the oldest entries out of one channel's log while its server is nearly full: what Postgres has is a cache and
-- yields to the path of writing. Must never take one beyond `saved`.
--
-- KEYS     1 shed  2 head  3 log
-- ARGV     1 channel: its id, the member of shed
--          2 most entries to take; 0 takes none and only looks how old the oldest is
--          3 latest: entries sent later than this stay, ms on this server's clock
--          4 mark: nothing is taken once no more than this many thousandths of maxmemory are used
-- Returns  1 taken: entries; -1 when this server has room
--          2 bytes of their frames
--          3 oldest: when the oldest that could still be taken was sent, ms on this server's clock; 0 when there is none,
--            and the channel is off the list of those that have some

local call = redis.call
local most, latest = tonumber(ARGV[2]), tonumber(ARGV[3])

--> position

--> sent-at

local function hasRoom()
  local memory = call("INFO", "memory")
  local function figure(name)
    return tonumber(string.match(memory, "\n" .. name .. ":(%d+)") or 0)
  end
  local max = figure("maxmemory")
  -- what Redis itself leaves out when it compares
  local used = figure("used_memory") - figure("mem_not_counted_for_evict")
  return max == 0 or used * 1000 <= max * ARGV[4]
end

if most > 0 and hasRoom() then
  return { -1, 0, 0 }
end
-- keys of another type than ours hold nothing to take: the channel goes off the list and keeps nobody behind it
local head = redis.pcall("HMGET", KEYS[2], "epoch", "saved")
local rows = head[1] and redis.pcall("XRANGE", KEYS[3], "-", head[2] or "0-0", "COUNT", most + 1) or {}

local taken, bytes, last, oldest = 0, 0, nil, 0
for _, row in ipairs(rows) do
  -- an entry of ours has its frame first
  local frame = row[2][2]
  local at = sentAt(frame)
  if taken == most or at > latest then
    oldest = math.max(at, 1)
    break
  end
  taken, bytes, last = taken + 1, bytes + #frame, row[1]
end
if last then
  local epoch, seq = string.match(last, "^(%d+)-(%d+)$")
  call("XTRIM", KEYS[3], "MINID", "=", epoch .. "-" .. text(seq + 1))
end
if oldest > 0 then
  call("ZADD", KEYS[1], "XX", text(oldest), ARGV[1])
else
  call("ZREM", KEYS[1], ARGV[1])
end
return { taken, bytes, oldest }
