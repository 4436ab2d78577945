-- Gives or takes a role, as set_role says.
-- $1 actor  $2 whether that is an API key  $3 channel  $4 partition  $5 user  $6 role, or null to take it away
select outcome, message, change, announcement, audit::text as audit, channel
from set_role($1::text, $2::boolean, $3::text, $4::integer, $5::text, $6::text)
