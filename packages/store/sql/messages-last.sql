-- The last position of a channel; no row when it has none.
-- $1 channel
select epoch, seq from messages where channel = $1::text order by epoch desc, seq desc limit 1
