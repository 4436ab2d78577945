-- Gives one duty of the cluster to one node at a time: whoever asks first holds it for as long as it goes on asking.
-- Keys     1 office
-- Args     1 node  2 held
-- Defines  holds  whether this node has it now

local holder = redis.call("GET", KEYS[1])
local holds = not holder or holder == ARGV[1]
if holds then
  redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
elseif redis.call("PTTL", KEYS[1]) > ARGV[2] + 0 then
  -- Another server gave it, whose clock was ahead of this one's: a holder that is gone would keep it for as long.
  redis.call("PEXPIRE", KEYS[1], ARGV[2])
end
