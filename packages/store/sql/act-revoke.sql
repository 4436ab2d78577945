-- Revokes tokens, as revoke_tokens says.
-- $1 actor  $2 whether that is an API key  $3 jti or null  $4 user or null  $5 issued up to, ms, or null  $6 forgotten after, ms
select outcome, message, change, announcement, audit::text as audit, channel
from revoke_tokens($1::text, $2::boolean, $3::text, $4::text, $5::bigint, $6::bigint)
