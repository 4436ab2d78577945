-- The newest messages of a channel that stand before a position, newest first.
-- $1 channel  $2 epoch  $3 seq  $4 most rows
select
  channel, epoch, seq, kind, id, target, client_id as "clientId", author, name, body, meta::text as meta,
  reply_to as "replyTo", to_json(mentions) as mentions, at, deleted_at as "deletedAt", prev_epoch as "prevEpoch", prev_seq as "prevSeq"
from messages
where channel = $1::text and (epoch, seq) < ($2::bigint, $3::bigint) and kind = 'message'
order by epoch desc, seq desc
limit $4::integer
