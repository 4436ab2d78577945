-- How far users have read, each in a channel; and of those of whom that is known, how much they have not. One statement for
-- any number of them.
-- $1 channels  $2 users
-- $3 epochs  $4 seqs, as far as they have read; null where that is asked
-- $5 epochs  $6 seqs, up to which it is counted
-- $7 most unread  $8 most mentions; one element of $1 to $8 each
-- $9 ids of messages that are deleted, which may not be stored yet
select
  w.index::integer, r.epoch, r.seq,
  case when w.epoch is not null then
    count_unread(w.channel, w.user_id, w.epoch, w.seq, w.to_epoch, w.to_seq, $9::text[], w.unread)
  end as unread,
  case when w.epoch is not null then
    count_mentions(w.channel, w.user_id, w.epoch, w.seq, w.to_epoch, w.to_seq, $9::text[], w.mentions)
  end as mentions
from unnest(
  $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::integer[], $8::integer[]
) with ordinality as w (channel, user_id, epoch, seq, to_epoch, to_seq, unread, mentions, index)
left join lateral (
  select p.epoch, p.seq from read_positions p
  where w.epoch is null and p.channel = w.channel and p.user_id = w.user_id
  limit 1
) as r on true
