-- The newest mentions up to positions, each in its channel: one statement for any number of channels. Newest first.
-- $1 channels  $2 epochs  $3 seqs, inclusive  $4 most; one element a channel but for the last, which is for all
select w.index::integer, n.user_id as user, n.epoch, n.seq, m.id
from unnest($1::text[], $2::bigint[], $3::bigint[]) with ordinality as w (channel, epoch, seq, index)
cross join lateral (
  select n.user_id, n.epoch, n.seq from mentions n
  where n.channel = w.channel and (n.epoch, n.seq) <= (w.epoch, w.seq)
  order by n.epoch desc, n.seq desc
  limit $4::integer
) as n
left join lateral (
  select m.id from messages m where m.channel = w.channel and (m.epoch, m.seq) = (n.epoch, n.seq) limit 1
) as m on true
order by w.index, n.epoch desc, n.seq desc
