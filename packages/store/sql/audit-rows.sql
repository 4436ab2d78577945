-- Rows of one chain in its order. $1 partition, $2 the number after which they begin, $3 how many at most.
select
  partition, n, id, at, kind as what, actor, subject, channel, node, address, reason, data::text as data,
  key_id as "keyId", encode(mac, 'hex') as mac
from audit_log
where partition = $1 and n > $2
order by n
limit $3
