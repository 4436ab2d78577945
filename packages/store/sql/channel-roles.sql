-- Which of these users have a role of their own in a channel, and which. A lookup by key each, whatever the channel's size.
-- $1 channel  $2 user ids
select m.user_id as "user", m.role
from unnest($2::text[]) as w (id)
join members m on m.channel = $1::text and m.user_id = w.id
