-- Notes when keys were used, in the order of their numbers; what is older than what is known changes nothing.
-- $1 numbers  $2 times, ms
update api_keys as k set last_used_at = u.at
from (select * from unnest($1::bigint[], $2::bigint[]) as w (id, at) order by w.id) as u
where k.id = u.id and k.last_used_at is distinct from u.at and coalesce(k.last_used_at, 0) < u.at
