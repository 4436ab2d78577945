-- The ban of a user everywhere, if it is in force.
-- $1 user
select user_id as "user", until_ms as "untilMs", reason, given_by as "by", at
from user_bans
where user_id = $1::text and lifted_at is null and (until_ms is null or until_ms > now_ms())
