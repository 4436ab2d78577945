-- Changes a channel, as change_channel says.
-- $1 actor  $2 whether that is an API key  $3 channel  $4 partition  $5 what is given, JSON
-- $6 default of digest_above or null  $7 default of count_above or null
select outcome, message, change, announcement, audit::text as audit, channel
from change_channel($1::text, $2::boolean, $3::text, $4::integer, $5::text::jsonb, $6::integer, $7::integer)
