#!lua flags=allow-oom
-- Puts right what the first frame of an epoch follows, once Postgres has it behind a later position than its Redis knew: that one
-- had lost what lies between. What the log holds of the frame, and of what stands before it, is left to Postgres, which has all of
-- it and what happened to it. Whoever listens is told, and whoever compares heads later finds it there. A repeat changes nothing.
-- Runs with allow-oom, since it frees memory. Must never take out what Postgres does not have.
--
-- KEYS     1 part  2 head  3 log  4 gone  5 acts  6 acted  7 topic
-- ARGV     1 first: the position of that frame, <epoch>-<seq>
--          2 former: what it said that it follows; 0-0 for nothing
--          3 prev: what it follows
-- Returns  1 told: 1 when it was announced, 0 where not every edge reads such an envelope

local call, try = redis.call, redis.pcall

--> position

local firstEpoch, firstSeq = pair(ARGV[1])
local formerEpoch, formerSeq = pair(ARGV[2])
local prevEpoch, prevSeq = pair(ARGV[3])

local head = try("HMGET", KEYS[2], "epoch", "prev", "cap", "corrected")
if head[1] then
  local toldEpoch, toldSeq = pair(head[2])
  if head[1] + 0 == firstEpoch and beyond(prevEpoch, prevSeq, toldEpoch, toldSeq) then
    call("HSET", KEYS[2], "prev", ARGV[3])
  end
  local kept = {}
  for known in string.gmatch(head[4] or "", "[^,]+") do
    local first, former = string.match(known, "^([^|]*)|([^|]*)|")
    if first == ARGV[1] then
      -- Of a frame that was corrected before, all that was wrong with it is told again.
      local beforeEpoch, beforeSeq = pair(former)
      if beyond(formerEpoch, formerSeq, beforeEpoch, beforeSeq) then
        formerEpoch, formerSeq = beforeEpoch, beforeSeq
      end
    else
      kept[#kept + 1] = known
    end
  end
  kept[#kept + 1] = ARGV[1] .. "|" .. text(formerEpoch) .. "-" .. text(formerSeq) .. "|" .. ARGV[3]
  -- More failovers than these fall into no time in which heads are compared.
  call("HSET", KEYS[2], "corrected", table.concat(kept, ",", math.max(1, #kept - 3)))
end

-- The frame names another one before it than it should, and so does its tombstone.
local tombstone = try("HMGET", KEYS[4], ARGV[1])[1]
if tombstone then
  local epoch, seq = string.match(tombstone, '^{[^{}]*"prev":{"epoch":(%d+),"seq":(%d+)}')
  call("HDEL", KEYS[4], ARGV[1], epoch and ">" .. epoch .. "-" .. seq or ">0-0")
end
try("XDEL", KEYS[3], ARGV[1])
-- What a deletion took out has no row before the deletion has one: so long its neighbours stay as well.
if not head[3] then
  try("XTRIM", KEYS[3], "MINID", "=", text(prevEpoch) .. "-" .. text(prevSeq + 1))
end
-- Of what was done to a message up to there Postgres knows more.
local acted = try("ZRANGE", KEYS[6], 0, 4095)
for _, member in ipairs(acted) do
  local acts = string.sub(member, 1, 1) ~= "|" and try("HMGET", KEYS[5], member)[1]
  local lastEpoch, lastSeq = pair(string.match(acts or "", "^[^\n]*\n(%d+%-%d+)"))
  if acts and not beyond(lastEpoch, lastSeq, prevEpoch, prevSeq) then
    call("HDEL", KEYS[5], member)
    call("ZREM", KEYS[6], member)
  end
end

if (call("HGET", KEYS[1], "envelopes") or 0) + 0 < 7 then
  return 0
end
local header = struct.pack(">BBdddd", 7, 0, firstEpoch, firstSeq, prevEpoch, prevSeq)
call("SPUBLISH", KEYS[7], header .. struct.pack(">dd", formerEpoch, formerSeq))
return 1
