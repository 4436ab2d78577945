-- One message by its id, with what has happened to it and what one user has said of each emoji.
-- $1 channel  $2 id  $3 user
select
  m.epoch, m.seq, m.author, m.client_id as "clientId", m.name, m.at, m.reply_to as "replyTo", m.body,
  m.deleted_at as "deletedAt", gone.epoch as "goneEpoch", gone.seq as "goneSeq", edit.epoch as "editEpoch",
  edit.seq as "editSeq", c.reactions, own.said as own
from messages m
left join lateral (
  select d.epoch, d.seq from messages d
  where d.channel = m.channel and d.target = m.id and d.kind = 'deleted'
  order by d.epoch, d.seq limit 1
) as gone on true
left join lateral (
  select e.epoch, e.seq from messages e
  where e.channel = m.channel and e.target = m.id and e.kind = 'edited'
  order by e.epoch desc, e.seq desc limit 1
) as edit on true
cross join lateral reaction_counts(m.channel, m.id) as c
cross join lateral (
  select json_agg(json_build_object('emoji', r.emoji, 'on', r.standing, 'epoch', r.epoch, 'seq', r.seq)) as said
  from reactions r where r.channel = m.channel and r.target = m.id and r.user_id = $3::text
) as own
where m.channel = $1::text and m.id = $2::text and m.kind = 'message'
