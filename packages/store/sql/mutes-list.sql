-- The mutes of a channel that are in force, by user, a page at a time.
-- $1 channel  $2 the user the page comes after, '' for the first  $3 most rows
select user_id as "user", channel, until_ms as "untilMs", reason, given_by as "by", at
from mutes
where channel = $1::text and user_id > $2::text and (until_ms is null or until_ms > now_ms())
order by user_id
limit $3::integer
