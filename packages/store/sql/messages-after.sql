-- The rows of every kind right after positions, each in its channel: one statement for any number of channels. Ascending.
-- A stretch ends with the row that takes the sizes to its bytes, and all of it is read by index in its part of the table.
-- $1 channels  $2 epochs  $3 seqs  $4 most rows  $5 bytes; one element a stretch
select
  w.stretch::integer, m.channel, m.epoch, m.seq, m.kind, m.id, m.target, m.client_id as "clientId", m.author, m.name, m.body,
  m.meta::text as meta, m.reply_to as "replyTo", to_json(m.mentions) as mentions, m.at, m.deleted_at as "deletedAt",
  m.prev_epoch as "prevEpoch", m.prev_seq as "prevSeq", m.emoji, m.standing
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[])
  with ordinality as w (channel, epoch, seq, most, bytes, stretch)
cross join lateral (
  -- what a frame has around its text is at least 128 bytes
  select page.*, sum(128 + octet_length(coalesce(body, '')) + octet_length(coalesce(meta::text, '')))
    over (order by epoch, seq rows between unbounded preceding and 1 preceding) as before
  from (
    select *
    from messages
    where channel = w.channel and (epoch, seq) > (w.epoch, w.seq)
    order by epoch, seq
    limit w.most
  ) as page
) as m
where coalesce(m.before, 0) < w.bytes
order by w.stretch, m.epoch, m.seq
