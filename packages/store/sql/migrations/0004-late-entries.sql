-- Commits one batch of outbox entries, as 0002 did, and stores what a Redis without memory numbered below what is stored.
--
-- A Redis that was restarted empty, its clock back, may number a partition under an epoch that Postgres has passed. Such
-- entries stand at or below the position, and were taken for stored; acknowledged messages were lost that way. So an
-- entry at or below the position is left out only if Postgres holds its row, its dead letter or its quarantine.
--
-- Parameters and result as before, and last: reached, the position of each partition of the batch now, as
-- [{partition, epoch, number}]. It is beyond the batch's last entry where that was numbered too low.

-- Whether an entry that stands at or below its partition's position has been dealt with.
create function is_stored(
  p_partition integer, p_entry_epoch bigint, p_entry_number bigint,
  p_channel text, p_epoch bigint, p_seq bigint, p_id text
) returns boolean
language sql stable as $$
  select exists (
    select from messages m where (m.channel, m.epoch, m.seq, m.id) = (p_channel, p_epoch, p_seq, p_id)
  ) or exists (
    select from dead_letters d
    where (d.partition, d.entry_epoch, d.entry_number) = (p_partition, p_entry_epoch, p_entry_number)
      and (d.epoch, d.seq) = (p_epoch, p_seq) and d.channel is not distinct from p_channel
  ) or exists (
    select from quarantine q
    where (q.partition, q.entry_epoch, q.entry_number) = (p_partition, p_entry_epoch, p_entry_number)
      and q.message_id = p_id
  )
$$;

create function reached_positions(p_partition integer[]) returns json
language sql stable as $$
  select coalesce(
    json_agg(json_build_object('partition', p.partition, 'epoch', p.last_epoch, 'number', p.last_number)), '[]'
  )
  from outbox_positions p where p.partition = any (p_partition)
$$;

drop function save_batch(
  integer[], bigint[], bigint[],
  integer[], bigint[], bigint[],
  text[], bigint[], bigint[], text[], text[], text[], text[],
  text[], text[], text[], text[], text[], text[], bigint[],
  bigint[], bigint[], bigint[],
  integer[], text[], text[]
);

create function save_batch(
  p_read_partition integer[], p_read_epoch bigint[], p_read_number bigint[],
  p_entry_partition integer[], p_entry_epoch bigint[], p_entry_number bigint[],
  p_channel text[], p_epoch bigint[], p_seq bigint[], p_kind text[], p_id text[], p_target text[], p_client_id text[],
  p_author text[], p_name text[], p_body text[], p_meta text[], p_reply_to text[], p_mentions text[], p_at bigint[],
  p_deleted_at bigint[], p_prev_epoch bigint[], p_prev_seq bigint[],
  p_dead_index integer[], p_dead_frame text[], p_dead_reason text[]
) returns table (
  behind integer[], inserted integer, skipped integer, quarantined integer, dead integer[], raised json,
  unstored integer[], reached json
)
language plpgsql as $$
#variable_conflict use_column
declare
  v_behind integer[];
  v_fresh integer;
  v_beyond integer;
  v_take boolean[];
  v_rows integer;
  v_inserted integer := 0;
  v_quarantined integer := 0;
  v_dead integer[] := '{}';
  v_raised json := '[]';
  v_late json := '[]';
  v_unstored integer[] := '{}';
  v_reached json := '[]';
begin
  -- Both in the order of partitions: two persisters on the same ones wait for each other, never in a circle.
  insert into outbox_positions (partition)
  select r.partition from unnest(p_read_partition) as r (partition) order by r.partition
  on conflict do nothing;
  perform 1 from outbox_positions where partition = any (p_read_partition) order by partition for update;

  select array_agg(r.partition order by r.partition) into v_behind
  from unnest(p_read_partition, p_read_epoch, p_read_number) as r (partition, epoch, number)
  join outbox_positions p on p.partition = r.partition
  where (p.last_epoch, p.last_number) < (r.epoch, r.number);
  if v_behind is not null then
    return query select v_behind, 0, 0, 0, v_dead, v_raised, v_unstored, v_reached;
    return;
  end if;

  select count(*) into v_beyond
  from unnest(p_entry_partition, p_entry_epoch, p_entry_number) as e (partition, epoch, number)
  join outbox_positions p on p.partition = e.partition
  where (e.epoch, e.number) > (p.last_epoch, p.last_number);

  if v_beyond = cardinality(p_entry_partition) then
    v_take := array_fill(true, array[v_beyond]);
    v_fresh := v_beyond;
    v_rows := v_beyond - coalesce(cardinality(array_positions(p_channel, null)), 0);
  else
    select
      array_agg(t.take order by t.ordinal), count(*) filter (where t.take), count(t.channel) filter (where t.take)
      into v_take, v_fresh, v_rows
    from (
      select e.ordinal, e.channel, case
        when (e.partition_epoch, e.number) > (p.last_epoch, p.last_number) then true
        else not is_stored(e.partition, e.partition_epoch, e.number, e.channel, e.epoch, e.seq, e.id)
      end as take
      from unnest(p_entry_partition, p_entry_epoch, p_entry_number, p_channel, p_epoch, p_seq, p_id) with ordinality
        as e (partition, partition_epoch, number, channel, epoch, seq, id, ordinal)
      join outbox_positions p on p.partition = e.partition
    ) as t;
  end if;
  if v_fresh = 0 then
    v_unstored := unstored_partitions(p_entry_partition, p_entry_epoch, p_entry_number);
    v_reached := reached_positions(p_read_partition);
    return query select v_behind, 0, cardinality(p_entry_partition), 0, v_dead, v_raised, v_unstored, v_reached;
    return;
  end if;

  insert into messages (
    channel, epoch, seq, kind, id, target, client_id, author, name, body, meta, reply_to, mentions, at, deleted_at,
    prev_epoch, prev_seq
  )
  select
    e.channel, e.epoch, e.seq, e.kind, e.id, e.target, e.client_id, e.author, e.name, e.body, e.meta::json, e.reply_to,
    e.mentions::text[], e.at, e.deleted_at, e.prev_epoch, e.prev_seq
  from unnest(
    v_take, p_channel, p_epoch, p_seq, p_kind, p_id, p_target, p_client_id,
    p_author, p_name, p_body, p_meta, p_reply_to, p_mentions, p_at, p_deleted_at, p_prev_epoch, p_prev_seq
  ) with ordinality as e (
    take, channel, epoch, seq, kind, id, target, client_id,
    author, name, body, meta, reply_to, mentions, at, deleted_at, prev_epoch, prev_seq, ordinal
  )
  where e.take and e.channel is not null
  order by e.ordinal
  on conflict do nothing;
  get diagnostics v_inserted = row_count;

  -- A row that was not inserted is either there already, which is well, or its place or its id is another's. In the
  -- latter case nothing stands at its place: a deleted message keeps the channel's line whole.
  if v_inserted < v_rows then
    with held as (
      insert into quarantine (
        partition, entry_epoch, entry_number, channel, epoch, seq, message_id, held_id, held_epoch, held_seq, message
      )
      select
        e.entry_partition, e.entry_epoch, e.entry_number, e.channel, e.epoch, e.seq, e.id,
        place.id, twin.epoch, twin.seq,
        json_build_object(
          'kind', e.kind, 'clientId', e.client_id, 'user', e.author, 'name', e.name, 'body', e.body,
          'meta', e.meta::json, 'replyTo', e.reply_to, 'mentions', e.mentions::text[], 'at', e.at,
          'prevEpoch', e.prev_epoch, 'prevSeq', e.prev_seq
        )
      from unnest(
        v_take, p_entry_partition, p_entry_epoch, p_entry_number, p_channel, p_epoch, p_seq, p_kind, p_id, p_client_id,
        p_author, p_name, p_body, p_meta, p_reply_to, p_mentions, p_at, p_prev_epoch, p_prev_seq
      ) as e (
        take, entry_partition, entry_epoch, entry_number, channel, epoch, seq, kind, id, client_id,
        author, name, body, meta, reply_to, mentions, at, prev_epoch, prev_seq
      )
      left join messages place on (place.channel, place.epoch, place.seq) = (e.channel, e.epoch, e.seq)
      left join messages twin on (twin.channel, twin.id) = (e.channel, e.id)
      where e.take and e.channel is not null and place.id is distinct from e.id
      returning channel, epoch, seq, held_id, message
    ),
    filled as (
      insert into messages (channel, epoch, seq, kind, id, client_id, author, name, at, deleted_at, prev_epoch, prev_seq)
      select
        h.channel, h.epoch, h.seq, h.message ->> 'kind',
        left(md5(h.channel || '|' || h.epoch || '-' || h.seq), 21), h.message ->> 'clientId', h.message ->> 'user',
        h.message ->> 'name', (h.message ->> 'at')::bigint, (h.message ->> 'at')::bigint,
        (h.message ->> 'prevEpoch')::bigint, (h.message ->> 'prevSeq')::bigint
      from held h where h.held_id is null
      on conflict do nothing
    )
    select count(*) into v_quarantined from held;
  end if;

  -- The first row of an epoch follows whatever the channel's last row before it is, also where the Redis that numbered
  -- it had lost that one. Only now, since that row may have come with this very batch.
  if exists (
    select from unnest(p_seq, p_prev_epoch) as f (seq, prev_epoch) where f.seq = 1 or f.prev_epoch is not null
  ) then
    with moved as (
      update messages m set prev_epoch = last.epoch, prev_seq = last.seq
      from unnest(p_channel, p_epoch, p_seq, p_id, p_prev_epoch) as f (channel, epoch, seq, id, prev_epoch)
      cross join lateral (
        select b.epoch, b.seq from messages b
        where b.channel = f.channel and b.epoch < f.epoch
        order by b.epoch desc, b.seq desc limit 1
      ) as last
      where (f.seq = 1 or f.prev_epoch is not null)
        and (m.channel, m.epoch, m.seq, m.id) = (f.channel, f.epoch, f.seq, f.id)
        and (last.epoch, last.seq) > (coalesce(m.prev_epoch, 0), coalesce(m.prev_seq, 0))
      returning m.channel, m.epoch, m.seq, m.prev_epoch, m.prev_seq
    )
    select coalesce(json_agg(json_build_object(
      'channel', channel, 'epoch', epoch, 'seq', seq, 'prevEpoch', prev_epoch, 'prevSeq', prev_seq
    )), '[]') into v_raised from moved;
  end if;

  -- A row that comes late may stand before the first row of an epoch that is there already.
  if v_beyond < v_fresh then
    with late as (
      select distinct on (e.channel, next.epoch, next.seq) e.channel, e.epoch, e.seq, next.epoch as next_epoch, next.seq as next_seq
      from unnest(v_take, p_channel, p_epoch, p_seq) as e (take, channel, epoch, seq)
      cross join lateral (
        select n.epoch, n.seq from messages n
        where n.channel = e.channel and n.epoch > e.epoch
        order by n.epoch, n.seq limit 1
      ) as next
      where e.take and e.channel is not null
      order by e.channel, next.epoch, next.seq, e.epoch desc, e.seq desc
    ),
    moved as (
      update messages m set prev_epoch = l.epoch, prev_seq = l.seq
      from late l
      where (m.channel, m.epoch, m.seq) = (l.channel, l.next_epoch, l.next_seq)
        and (l.epoch, l.seq) > (coalesce(m.prev_epoch, 0), coalesce(m.prev_seq, 0))
      returning m.channel, m.epoch, m.seq, m.prev_epoch, m.prev_seq
    )
    select coalesce(json_agg(json_build_object(
      'channel', channel, 'epoch', epoch, 'seq', seq, 'prevEpoch', prev_epoch, 'prevSeq', prev_seq
    )), '[]') into v_late from moved;
    v_raised := (v_raised::jsonb || v_late::jsonb)::json;
  end if;

  insert into users (id, name, first_seen_at, last_seen_at)
  select distinct on (e.author) e.author, coalesce(e.name, e.author), e.at, e.at
  from unnest(v_take, p_author, p_name, p_at, p_deleted_at) as e (take, author, name, at, deleted_at)
  where e.take and e.author is not null and e.deleted_at is null
  order by e.author, e.at desc
  on conflict (id) do update set name = excluded.name, last_seen_at = excluded.last_seen_at
  where excluded.last_seen_at >= users.last_seen_at
    and (excluded.name <> users.name or excluded.last_seen_at >= users.last_seen_at + 60000);

  if cardinality(p_dead_index) > 0 then
    select coalesce(array_agg(d.index order by d.index), '{}') into v_dead
    from unnest(p_dead_index) as d (index)
    where v_take[d.index];
    insert into dead_letters (partition, entry_epoch, entry_number, channel, epoch, seq, frame, reason)
    select
      p_entry_partition[d.index], p_entry_epoch[d.index], p_entry_number[d.index],
      p_channel[d.index], p_epoch[d.index], p_seq[d.index], decode(d.frame, 'base64'), d.reason
    from unnest(p_dead_index, p_dead_frame, p_dead_reason) as d (index, frame, reason)
    where d.index = any (v_dead);
  end if;

  update outbox_positions p set last_epoch = l.epoch, last_number = l.number
  from (
    select distinct on (e.partition) e.partition, e.epoch, e.number
    from unnest(p_entry_partition, p_entry_epoch, p_entry_number) as e (partition, epoch, number)
    order by e.partition, e.epoch desc, e.number desc
  ) as l
  where p.partition = l.partition and (l.epoch, l.number) > (p.last_epoch, p.last_number);

  if v_fresh < cardinality(p_entry_partition) or v_quarantined > 0 or cardinality(p_dead_index) > 0 then
    v_unstored := unstored_partitions(p_entry_partition, p_entry_epoch, p_entry_number);
  end if;
  v_reached := reached_positions(p_read_partition);
  return query select
    v_behind, v_inserted, cardinality(p_entry_partition) - v_fresh, v_quarantined, v_dead, v_raised, v_unstored, v_reached;
end
$$;
