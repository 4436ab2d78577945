-- Moves how far users have read, forward only. In the order of keys, so that two that overlap never wait in a circle.
-- $1 channels  $2 users  $3 epochs  $4 seqs
insert into read_positions as r (channel, user_id, epoch, seq)
select w.channel, w.user_id, w.epoch, w.seq
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as w (channel, user_id, epoch, seq)
order by w.channel collate "C", w.user_id collate "C"
on conflict (channel, user_id) do update set epoch = excluded.epoch, seq = excluded.seq
where (excluded.epoch, excluded.seq) > (r.epoch, r.seq)
