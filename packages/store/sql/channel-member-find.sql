-- A user who has a role of their own in a channel. Who was never seen has no name yet.
-- $1 channel  $2 user
select m.user_id as "user", u.name, m.role, m.since, u.last_seen_at as "lastSeenAt"
from members m
left join users u on u.id = m.user_id
where m.channel = $1::text and m.user_id = $2::text
