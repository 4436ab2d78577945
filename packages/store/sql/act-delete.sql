-- Deletes a channel, as delete_channel says.
-- $1 actor  $2 whether that is an API key  $3 channel  $4 partition
select outcome, message, change, announcement, audit::text as audit, channel
from delete_channel($1::text, $2::boolean, $3::text, $4::integer)
