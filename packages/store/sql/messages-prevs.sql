-- What rows follow that say it, by position.
-- $1 channels  $2 epochs  $3 seqs; one element a row
select m.channel, m.epoch, m.seq, m.prev_epoch as "prevEpoch", m.prev_seq as "prevSeq"
from unnest($1::text[], $2::bigint[], $3::bigint[]) as w (channel, epoch, seq)
-- the limit keeps the planner from joining the whole table with the list
cross join lateral (
  select channel, epoch, seq, prev_epoch, prev_seq
  from messages
  where channel = w.channel and epoch = w.epoch and seq = w.seq and prev_epoch is not null
  limit 1
) as m
