-- One user, when the cluster has seen them.
-- $1 id
select id, name, first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt" from users where id = $1::text
