-- The last position of each of these channels; no row for one that has none.
-- $1 channels
select w.channel, l.epoch, l.seq
from unnest($1::text[]) as w (channel)
cross join lateral (
  select epoch, seq from messages where channel = w.channel order by epoch desc, seq desc limit 1
) as l
