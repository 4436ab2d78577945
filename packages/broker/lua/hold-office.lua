#!lua flags=allow-oom
-- Asks for one duty of the cluster, where its holder has to ask several servers for what it looks at.
-- Runs with allow-oom, since a full Redis needs its offices more than ever.
--
-- KEYS     1 office
-- ARGV     1 node: its id
--          2 held: how long without asking again, ms
-- Returns  1 holds: 1 when the node holds it, else 0

--> office
return holds and 1 or 0
