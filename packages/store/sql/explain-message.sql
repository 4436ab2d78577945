-- A message by its id: one look by an index in the channel, or in every channel there is where none is named.
-- $1 id  $2 channel or null
select m.channel, m.epoch, m.seq, m.author, m.at, m.deleted_at as "deletedAt"
from channels c
cross join lateral (
  select m.channel, m.epoch, m.seq, m.author, m.at, m.deleted_at
  from messages m
  where m.channel = c.id and m.id = $1::text and m.kind = 'message'
  offset 0
) as m
where c.id = $2::text or $2::text is null
limit 1
