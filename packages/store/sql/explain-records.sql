-- What was noted of a user that concerns one channel or all: of a moment the newest before it and the first after it, ascending.
-- $1 user  $2 channel  $3 moment, ms  $4 most before, of each of the two columns  $5 most after
select id, at, kind, actor, subject, channel, node, reason, data
from (
  (
    select id, at, partition, n, kind, actor, subject, channel, node, reason, data from audit_log
    where actor = $1::text and at <= $3::bigint and (channel is null or channel = $2::text)
      and kind in ('connect', 'disconnect', 'join', 'leave', 'role')
    order by at desc limit $4::integer
  )
  union all
  (
    select id, at, partition, n, kind, actor, subject, channel, node, reason, data from audit_log
    where subject = $1::text and at <= $3::bigint and (channel is null or channel = $2::text)
    order by at desc limit $4::integer
  )
  union all
  (
    select id, at, partition, n, kind, actor, subject, channel, node, reason, data from audit_log
    where actor = $1::text and at > $3::bigint and (channel is null or channel = $2::text)
      and kind in ('connect', 'disconnect', 'join', 'leave')
    order by at limit $5::integer
  )
) as noted
order by at, partition, n
