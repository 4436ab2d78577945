-- Exchanges a token for its successor; parameters and result as rotate_refresh_token says.
-- $1 hash  $2 hash of the successor  $3 the successor, sealed  $4 its end, ms  $5 how long a repeat is answered, ms
select outcome, family, user_id as "user", name, claims::text as claims, sealed
from rotate_refresh_token($1::text, $2::text, $3::bytea, $4::bigint, $5::bigint)
