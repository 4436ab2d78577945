-- Makes a channel with its owner, as create_channel says.
-- $1 actor  $2 whether that is an API key  $3 channel  $4 partition  $5 kind  $6 owner  $7 what is given, JSON
select outcome, message, change, announcement, audit::text as audit, channel
from create_channel($1::text, $2::boolean, $3::text, $4::integer, $5::text, $6::text, $7::text::jsonb)
