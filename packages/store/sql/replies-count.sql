-- How many messages before a position answer each of these; no row for one that nobody answers.
-- $1 channel  $2 ids of messages  $3 epoch  $4 seq
select w.id, a.count
from (select distinct id from unnest($2::text[]) as w (id)) as w
cross join lateral answers_before($1::text, w.id, $3::bigint, $4::bigint) as a
where a.count > 0
