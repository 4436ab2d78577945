-- Whether this very message is committed at this very place, and as itself: a dead letter's placeholder keeps its id.
-- $1 channel  $2 epoch  $3 seq  $4 id
select exists (
  select from messages where channel = $1::text and epoch = $2::bigint and seq = $3::bigint and id = $4::text
) and not exists (
  select from dead_letters where channel = $1::text and epoch = $2::bigint and seq = $3::bigint
) as held
