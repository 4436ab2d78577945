-- The first answers to one message that stand after a position, ascending: by the index of answers, however far they lie.
-- Ends with the row that takes the sizes to the bytes.
-- $1 channel  $2 epoch  $3 seq  $4 most rows  $5 id of the message answered  $6 bytes
-- $7 epoch and $8 seq before which answers to them are counted
select
  m.channel, m.epoch, m.seq, m.kind, m.id, m.target, m.client_id as "clientId", m.author, m.name, m.body,
  m.meta::text as meta, m.reply_to as "replyTo", to_json(m.mentions) as mentions, m.at, m.deleted_at as "deletedAt",
  m.prev_epoch as "prevEpoch", m.prev_seq as "prevSeq", m.emoji, m.standing, m.edited_at as "editedAt",
  s.edit_epoch as "editEpoch", s.edit_seq as "editSeq", s.reactions, s.replies
from (
  -- what a frame has around its text is at least 128 bytes
  select page.*, sum(128 + octet_length(coalesce(body, '')) + octet_length(coalesce(meta::text, '')))
    over (order by epoch, seq rows between unbounded preceding and 1 preceding) as before
  from (
    select *
    from messages
    where channel = $1::text and reply_to = $5::text and (epoch, seq) > ($2::bigint, $3::bigint) and kind = 'message'
    order by epoch, seq
    limit $4::integer
  ) as page
) as m
cross join lateral message_since(
  m.channel, m.id, m.edited_at is not null, m.deleted_at is not null, $7::bigint, $8::bigint
) as s
where coalesce(m.before, 0) < $6::bigint
order by m.epoch, m.seq
