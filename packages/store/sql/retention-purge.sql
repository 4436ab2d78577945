-- Removes what is left of a deleted channel, as purge_channel says.
-- $1 channel  $2 most rows of each table
select purge_channel($1::text, $2::integer) as removed
