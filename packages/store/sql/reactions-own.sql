-- What some users have said of each emoji of these messages.
-- $1 channel  $2 ids of messages  $3 users
select r.target as id, r.user_id as "user", r.emoji, r.standing as "on"
from unnest($2::text[]) as w (id)
cross join unnest($3::text[]) as u (user_id)
cross join lateral (
  select * from reactions where channel = $1::text and target = w.id and user_id = u.user_id order by emoji
) as r
