-- One channel, unless it was deleted.
-- $1 id
select
  id, kind, name, owner, created_at as "createdAt", slow_mode_sec as "slowModeSec", retention_days as "retentionDays",
  member_cap as "memberCap", digest_above as "digestAbove", count_above as "countAbove",
  settings_version as "settingsVersion", rights_version as "rightsVersion", password_hash is not null as "hasPassword"
from channels
where id = $1::text and deleted_at is null
