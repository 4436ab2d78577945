#!lua flags=allow-oom
-- What is remembered of who may do what in some channels. What is older than the version that fences sends, or was told to
-- another server than this one, is not known: that server may have known more at its end.
-- On a Cluster the keys of one partition at a time.
--
-- KEYS     for each wish  1 rights..  2 access..
-- ARGV     1 kept: how long what is read is remembered from now on, ms
--          for each wish
--          2 channel.. its id
--          3 users.. how many are asked for
--          4 user.. each of them
-- Returns  1 serving: the replication id of this server
--          2 known.. for each wish: "" where that is not enough; else record, then 1 and the user and entry of everybody who
--            has one, or 0 and the entry of each who was asked for, "" for none

local call, try = redis.call, redis.pcall

local serving = string.match(call("INFO", "replication"), "master_replid:(%x+)")
local answer, argAt = { serving }, 1

local function knownOf(rights, access, channel, users)
  local held, inForce = try("HMGET", access, "", "@", "*"), try("HGET", rights, channel) or "0"
  local version, teller = string.match(held[2] or "", "^(%d+)|(%x+)$")
  if teller ~= serving or not held[1] or type(inForce) ~= "string" or version + 0 < inForce + 0 then
    return ""
  end
  local known = { held[1], held[3] and 1 or 0 }
  if held[3] then
    local all = call("HGETALL", access)
    for at = 1, #all, 2 do
      if string.sub(all[at], 1, 2) == "u|" then
        known[#known + 1] = string.sub(all[at], 3)
        known[#known + 1] = all[at + 1]
      end
    end
  else
    for at = 1, users do
      local entry = call("HGET", access, "u|" .. ARGV[argAt + at])
      if not entry then
        return ""
      end
      known[#known + 1] = entry
    end
  end
  call("PEXPIRE", access, ARGV[1])
  return known
end

for keyAt = 1, #KEYS, 2 do
  local channel, users = ARGV[argAt + 1], ARGV[argAt + 2] + 0
  argAt = argAt + 2
  answer[#answer + 1] = knownOf(KEYS[keyAt], KEYS[keyAt + 1], channel, users)
  argAt = argAt + users
end
return answer
