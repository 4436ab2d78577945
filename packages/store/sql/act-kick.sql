-- Kicks out of a channel, as kick_user says.
-- $1 actor  $2 whether that is an API key  $3 channel  $4 partition  $5 user  $6 reason or null
select outcome, message, change, announcement, audit::text as audit, channel
from kick_user($1::text, $2::boolean, $3::text, $4::integer, $5::text, $6::text)
