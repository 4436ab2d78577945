-- Those of a channel who have a role of their own in it, by user, a page at a time. Who was never seen has no name yet.
-- $1 channel  $2 the user the page comes after, '' for the first  $3 most rows
select m.user_id as "user", u.name, m.role, m.since, u.last_seen_at as "lastSeenAt"
from members m
left join users u on u.id = m.user_id
where m.channel = $1::text and m.user_id > $2::text
order by m.user_id
limit $3::integer
