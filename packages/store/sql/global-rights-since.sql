-- What concerns no one channel and changed after a version; after 0 only what is in force. All of it as of one moment.
-- $1 version
select
  g.version,
  coalesce((
    select json_agg(json_build_object(
      'user', b.user_id, 'untilMs', b.until_ms, 'reason', b.reason, 'lifted', b.lifted_at is not null
    ) order by b.version)
    from user_bans b
    where b.version > $1::bigint
      and ($1::bigint > 0 or (b.lifted_at is null and (b.until_ms is null or b.until_ms > now_ms())))
  ), '[]') as bans,
  coalesce((
    select json_agg(json_build_object(
      'jti', r.jti, 'user', r.user_id, 'issuedBeforeMs', r.issued_before, 'expiresMs', r.expires_at
    ) order by r.version)
    from revocations r
    where r.version > $1::bigint and r.expires_at > now_ms()
  ), '[]') as revocations
from global_rights g
