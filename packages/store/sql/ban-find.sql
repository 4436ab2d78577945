-- The ban of a user in a channel, if it is in force.
-- $1 channel  $2 user
select user_id as "user", channel, until_ms as "untilMs", reason, given_by as "by", at
from bans
where channel = $1::text and user_id = $2::text and (until_ms is null or until_ms > now_ms())
