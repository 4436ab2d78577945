-- Makes a member of who has shown the password, as admit_member says.
-- $1 channel  $2 partition  $3 user  $4 the hash against which the password was checked
select outcome, message, change, announcement, audit::text as audit, channel
from admit_member($1::text, $2::integer, $3::text, $4::text)
