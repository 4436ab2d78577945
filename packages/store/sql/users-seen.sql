-- Notes when users were seen and under which name; what is older than what is known changes neither. In the order of keys,
-- as every batch writes them.
-- $1 ids  $2 names  $3 times
insert into users as u (id, name, first_seen_at, last_seen_at)
select w.id, w.name, w.at, w.at
from unnest($1::text[], $2::text[], $3::bigint[]) as w (id, name, at)
order by w.id collate "C"
on conflict (id) do update set
  name = case when excluded.last_seen_at >= u.last_seen_at then excluded.name else u.name end,
  first_seen_at = least(excluded.first_seen_at, u.first_seen_at),
  last_seen_at = greatest(excluded.last_seen_at, u.last_seen_at)
where excluded.last_seen_at >= u.last_seen_at or excluded.first_seen_at < u.first_seen_at
