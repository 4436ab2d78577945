-- One channel.
-- $1 id
select
  id, kind, name, owner, created_at as "createdAt", slow_mode_sec as "slowModeSec", retention_days as "retentionDays",
  member_cap as "memberCap", digest_above as "digestAbove", count_above as "countAbove"
from channels
where id = $1::text
