-- Makes a channel and its owner's membership together. The channel when it is new, no row when the id is taken.
-- $1 id  $2 kind  $3 name or null  $4 owner
with made as (
  insert into channels (id, kind, name, owner) values ($1::text, $2::text, $3::text, $4::text)
  on conflict (id) do nothing
  returning *
),
owned as (
  insert into members (channel, user_id, role) select id, owner, 'owner' from made
)
select
  id, kind, name, owner, created_at as "createdAt", slow_mode_sec as "slowModeSec", retention_days as "retentionDays",
  member_cap as "memberCap", digest_above as "digestAbove", count_above as "countAbove"
from made
