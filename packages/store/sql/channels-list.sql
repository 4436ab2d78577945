-- Channels by id, a page at a time.
-- $1 the id the page comes after, '' for the first  $2 most rows  $3 only those of this member; null for all
-- $4 only those of this kind; null for every kind
select
  id, kind, name, owner, created_at as "createdAt", slow_mode_sec as "slowModeSec", retention_days as "retentionDays",
  member_cap as "memberCap", digest_above as "digestAbove", count_above as "countAbove",
  settings_version as "settingsVersion", rights_version as "rightsVersion", password_hash is not null as "hasPassword"
from channels c
where id > $1::text and deleted_at is null
  and ($3::text is null or exists (select from members m where m.channel = c.id and m.user_id = $3::text))
  and ($4::text is null or kind = $4::text)
order by id
limit $2::integer
