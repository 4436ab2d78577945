#!lua flags=allow-oom
-- Tells one partition what it may hold of the outbox budget, and how it may announce: what is added to it is judged by that
-- until the next look.
-- Runs with allow-oom, since a full Redis must not be judged by old figures. Touches only a partition that exists.
--
-- KEYS     1 part
-- ARGV     1 limit: most bytes that may wait in its outbox
--          2 short: "" while there is room; "some" once who holds how much is counted; "full" when nobody may hold more
--            than a part
--          3 over: users who hold too much in all partitions together, each between two newlines; "" for none
--          4 envelopes: the newest kind of envelope that every living edge reads
-- Returns  1 known: 1, or 0 for a partition that is not there

if redis.call("EXISTS", KEYS[1]) == 0 then
  return 0
end
redis.call("HSET", KEYS[1], "limit", ARGV[1], "envelopes", ARGV[4])
for at, field in ipairs({ "short", "over" }) do
  if ARGV[at + 1] == "" then
    redis.call("HDEL", KEYS[1], field)
  else
    redis.call("HSET", KEYS[1], field, ARGV[at + 1])
  end
end
return 1
