#!lua flags=allow-oom
-- Takes a dead node's sessions of some users of one partition off, and keeps when these were last seen. The node's mark goes
-- first, so that nothing is added meanwhile. A repeat finds nothing; a key of another type than ours is given up.
--
-- KEYS     1 lease: the node's, in this partition
--          2 seen
--          3 users
--          for each user  4 sess..
-- ARGV     1 node: its id
--          for each user
--          2 user.. its id
-- Returns  1 taken: how many sessions

local call, try = redis.call, redis.pcall

--> clock

local mine, nowText, taken = ARGV[1] .. "|", string.format("%d", now), 0
call("SREM", KEYS[1], "")
for at = 1, #ARGV - 1 do
  local sess, user = KEYS[3 + at], ARGV[1 + at]
  local held = try("HGETALL", sess)
  for each = 1, held.err and 0 or #held, 2 do
    local record = held[each + 1]
    if string.sub(record, 1, #mine) == mine then
      call("HDEL", sess, held[each])
      try("HSET", KEYS[2], user, nowText .. "|" .. (string.match(record, "^[^|]*|[^|]*|[^|]*|[^|]*|(.*)$") or ""))
      taken = taken + 1
    end
  end
  if call("EXISTS", sess) == 0 then
    try("ZREM", KEYS[3], user)
  end
  call("SREM", KEYS[1], "u|" .. user)
end
return taken
