-- A page of the audit log; parameters and result as audit_page says.
select id, at, kind, actor, subject, channel, node, address, reason, data
from audit_page(
  $1::text, $2::text, $3::text, $4::text, $5::bigint, $6::bigint, $7::bigint, $8::text, $9::integer
)
