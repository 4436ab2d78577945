-- What stands today of a user in a channel that may have stood at an earlier moment.
-- $1 channel  $2 user
select
  c.kind, m.role, m.since, b.at as "banAt", b.until_ms as "banUntil", u.at as "outAt", u.until_ms as "outUntil",
  u.lifted_at as "outLifted"
from channels c
left join members m on m.channel = c.id and m.user_id = $2::text
left join bans b on b.channel = c.id and b.user_id = $2::text
left join user_bans u on u.user_id = $2::text
where c.id = $1::text
