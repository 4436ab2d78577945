-- Bans from a channel or lifts a ban, as set_ban says.
-- $1 actor  $2 whether that is an API key  $3 channel  $4 partition  $5 user  $6 true to lift  $7 end, ms, or null
-- $8 reason or null
select outcome, message, change, announcement, audit::text as audit, channel
from set_ban($1::text, $2::boolean, $3::text, $4::integer, $5::text, $6::boolean, $7::bigint, $8::text)
