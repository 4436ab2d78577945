-- Keeps where a channel stands among the busiest: by users present, then by connections, both in one score, users times 2^27 and
-- connections. In the loop of a script, after a channel's users.
-- Needs    try, format; busy: the key; channel; online, onlineBefore, connected (crowd, attendance)

if online == 0 then
  if onlineBefore > 0 then
    try("ZREM", busy, channel)
  end
elseif online ~= onlineBefore or connected ~= 0 then
  local score = try("ZINCRBY", busy, format("%d", (online - onlineBefore) * 134217728 + connected), channel)
  -- Whoever came by way of a build that does not count has one connection at least.
  if type(score) == "string" and math.floor(score / 134217728) ~= online then
    call("ZADD", busy, format("%d", online * 134217729), channel)
  end
end
