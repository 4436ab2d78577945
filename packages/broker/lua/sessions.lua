#!lua flags=allow-oom
-- Writes down sessions of users of one partition that one node has, or has no more. Absolute, so a repeat changes nothing. A key
-- of another type than ours is passed over. Runs with allow-oom: what ends must be let go in a full Redis too.
--
-- KEYS     1 lease: of the node, in this partition
--          2 seen
--          3 users
--          for each session  4 sess.. of its user
-- ARGV     1 deadline, ms on this server's clock
--          2 known: the replication id of the server that was told of the node's people; "" for whichever serves
--          3 node: its id
--          4 cap: sessions that a user may have in the cluster
--          for each session
--          5 user.. whose it is
--          6 session.. its id
--          7 record.. node|since|address|client|name; "" when it has ended
-- Returns  1 now, ms on this server's clock
--          2 outcome: ok; or that nothing happened: late, fenced, moved
--          3 serving: the replication id of this server, "" unless it was looked at
--          then for each session that came although its user had as many as the cap
--          4 whose..
--          5 which..

local KEYS, ARGV, call, try, format = KEYS, ARGV, redis.call, redis.pcall, string.format

--> clock
--> registered

local nowText, mine = format("%d", now), ARGV[3] .. "|"
local argAt, cap, answer = 4, ARGV[4] + 0, { now, "ok", serving }

for keyAt = 4, #KEYS do
  local sess, user, session, record = KEYS[keyAt], ARGV[argAt + 1], ARGV[argAt + 2], ARGV[argAt + 3]
  argAt = argAt + 3
  local known = try("HGET", sess, session)
  if type(known) ~= "table" then
    local last = record ~= "" and record or known
    if record ~= "" then
      if record ~= known then
        call("HSET", sess, session, record)
        call("SADD", KEYS[1], "u|" .. user)
        try("ZADD", KEYS[3], 0, user)
        if not known and call("HLEN", sess) > cap then
          answer[#answer + 1] = user
          answer[#answer + 1] = session
        end
      end
    elseif known then
      call("HDEL", sess, session)
      local others, left = 0, call("HVALS", sess)
      for _, each in ipairs(left) do
        if string.sub(each, 1, #mine) == mine then
          others = others + 1
        end
      end
      if others == 0 then
        call("SREM", KEYS[1], "u|" .. user)
      end
      if #left == 0 then
        try("ZREM", KEYS[3], user)
      end
    end
    if last then
      try("HSET", KEYS[2], user, nowText .. "|" .. string.match(last, "^[^|]*|[^|]*|[^|]*|[^|]*|(.*)$"))
    end
  end
end
return answer
