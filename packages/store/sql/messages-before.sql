-- The newest messages that stand before positions, each in its channel: one statement for any number of channels. Newest
-- first.
-- A stretch ends with the row that takes the sizes to its bytes, and all of it is read by index in its part of the table.
-- $1 channels  $2 epochs  $3 seqs  $4 most rows  $5 bytes  $6 epochs and $7 seqs before which answers are counted; one element
-- a stretch
select
  w.stretch::integer, m.channel, m.epoch, m.seq, m.kind, m.id, m.target, m.client_id as "clientId", m.author, m.name, m.body,
  m.meta::text as meta, m.reply_to as "replyTo", to_json(m.mentions) as mentions, m.at, m.deleted_at as "deletedAt",
  m.prev_epoch as "prevEpoch", m.prev_seq as "prevSeq", m.emoji, m.standing, m.edited_at as "editedAt",
  s.edit_epoch as "editEpoch", s.edit_seq as "editSeq", s.reactions, s.replies
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[])
  with ordinality as w (channel, epoch, seq, most, bytes, end_epoch, end_seq, stretch)
cross join lateral (
  -- what a frame has around its text is at least 128 bytes
  select page.*, sum(128 + octet_length(coalesce(body, '')) + octet_length(coalesce(meta::text, '')))
    over (order by epoch desc, seq desc rows between unbounded preceding and 1 preceding) as before
  from (
    select *
    from messages
    where channel = w.channel and (epoch, seq) < (w.epoch, w.seq) and kind = 'message'
    order by epoch desc, seq desc
    limit w.most
  ) as page
) as m
cross join lateral message_since(
  m.channel, m.id, m.edited_at is not null, m.deleted_at is not null, w.end_epoch, w.end_seq
) as s
where coalesce(m.before, 0) < w.bytes
order by w.stretch, m.epoch desc, m.seq desc
