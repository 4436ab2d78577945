-- Sets what one node has of one user in a channel to an absolute count and takes the difference over into the channel. In the
-- loop of a script. A repeat finds no difference.
-- Needs    call, try, format; here, who, hereon: the keys; user; own: what the node had until now; connections: what it has, 0 for
--          none, and name where it has any; online, connected (crowd)
-- Changes  online, connected; name, to that which stood here where the node has none
-- Defines  turned  "joined" with the user's first connection in the cluster, "left" with the last, else nil

local held, turned = call("HGET", here, user), nil
local before, heldName = 0, name
if held then
  before, heldName = string.match(held, "^(%d+)|(.*)$")
  before = before + 0
end
if connections ~= own then
  if connections == 0 then
    call("HDEL", hereon, user)
  else
    call("HSET", hereon, user, format("%d", connections))
  end
end
if connections == 0 then
  name = heldName
end
-- Never below what this node has for certain, whatever was lost of the others'.
local after = math.max(before - own + connections, connections)
connected = connected + after - before
if after == 0 then
  if held then
    call("HDEL", here, user)
    try("ZREM", who, user)
    online, turned = online - 1, "left"
  end
else
  local holds = format("%d", after) .. "|" .. name
  if holds ~= held then
    call("HSET", here, user, holds)
  end
  if before == 0 then
    try("ZADD", who, 0, user)
    online, turned = online + 1, "joined"
  end
end
