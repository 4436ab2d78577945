-- Which of these messages are committed at their very positions, and as themselves: a dead letter's placeholder keeps its id,
-- also once the letter was given up, and is deleted without a deletion.
-- $1 channels  $2 epochs  $3 seqs  $4 ids; one element a message
select (w.number - 1)::integer as index
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) with ordinality as w (channel, epoch, seq, id, number)
-- limits keep the planner from joining whole tables with the list
cross join lateral (
  select deleted_at from messages where channel = w.channel and epoch = w.epoch and seq = w.seq and id = w.id limit 1
) as held
left join lateral (
  select true as dead from dead_letters where channel = w.channel and epoch = w.epoch and seq = w.seq limit 1
) as letter on true
left join lateral (
  select true as told from messages
  where held.deleted_at is not null and channel = w.channel and target = w.id and kind = 'deleted' limit 1
) as deletion on true
where letter.dead is null and (held.deleted_at is null or deletion.told)
