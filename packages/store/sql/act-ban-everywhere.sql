-- Bans a user everywhere or lifts that, as ban_everywhere says.
-- $1 actor  $2 whether that is an API key  $3 user  $4 true to lift  $5 end, ms, or null  $6 reason or null
select outcome, message, change, announcement, audit::text as audit, channel
from ban_everywhere($1::text, $2::boolean, $3::text, $4::boolean, $5::bigint, $6::text)
