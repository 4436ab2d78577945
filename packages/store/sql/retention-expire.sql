-- Removes what a channel is not to keep, as expire_messages says.
-- $1 channel  $2 sent before, ms  $3 most rows
select expire_messages($1::text, $2::bigint, $3::integer) as removed
