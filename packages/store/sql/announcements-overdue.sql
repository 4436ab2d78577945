-- Takes over what should have been announced by now, the oldest first: for a second it is nobody else's.
-- $1 most rows
with due as materialized (
  select id from announcements where due_at <= now_ms() order by id limit $1::integer for update skip locked
),
taken as (
  update announcements set due_at = now_ms() + 1000
  where id in (select id from due)
  returning id, partition, control, audit
)
select id as announcement, partition, control::text as control, audit::text as audit from taken order by id
