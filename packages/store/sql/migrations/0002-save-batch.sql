-- Commits one batch of outbox entries: the rows and the position of each partition, all or nothing. One call is one
-- transaction, so no client can freeze or die while it holds the locks.
--
-- p_read_*    for each partition of the batch: the entry after which it was read (0-0: from the beginning)
-- p_entry_*   and everything after, up to p_prev_seq: one element an entry, ascending within each partition; an entry
--             whose channel is null has no row and only moves the position
-- p_dead_*    entries that stand in the batch as a placeholder: index from 1, the frame in base64, why
--
-- Returns behind: partitions that Postgres has not got as far as the batch was read after. Then nothing was written,
-- since an earlier batch is missing. Otherwise null, and how many rows were inserted, how many entries stood at or below
-- the position already, how many went to quarantine, the indexes of p_dead_index that were not there before, and the
-- rows whose prev was raised, as [{channel, epoch, seq, prevEpoch, prevSeq}]. Last the partitions in which an entry of
-- this batch is no row of its own but a dead letter or in quarantine, whether since now or since before.

create function unstored_partitions(
  p_entry_partition integer[], p_entry_epoch bigint[], p_entry_number bigint[]
) returns integer[]
language sql stable as $$
  select coalesce(array_agg(distinct e.partition), '{}')
  from unnest(p_entry_partition, p_entry_epoch, p_entry_number) as e (partition, epoch, number)
  where exists (
    select from dead_letters d
    where (d.partition, d.entry_epoch, d.entry_number) = (e.partition, e.epoch, e.number)
  ) or exists (
    select from quarantine q
    where (q.partition, q.entry_epoch, q.entry_number) = (e.partition, e.epoch, e.number)
  )
$$;

create function save_batch(
  p_read_partition integer[], p_read_epoch bigint[], p_read_number bigint[],
  p_entry_partition integer[], p_entry_epoch bigint[], p_entry_number bigint[],
  p_channel text[], p_epoch bigint[], p_seq bigint[], p_kind text[], p_id text[], p_target text[], p_client_id text[],
  p_author text[], p_name text[], p_body text[], p_meta text[], p_reply_to text[], p_mentions text[], p_at bigint[],
  p_deleted_at bigint[], p_prev_epoch bigint[], p_prev_seq bigint[],
  p_dead_index integer[], p_dead_frame text[], p_dead_reason text[]
) returns table (
  behind integer[], inserted integer, skipped integer, quarantined integer, dead integer[], raised json,
  unstored integer[]
)
language plpgsql as $$
#variable_conflict use_column
declare
  v_behind integer[];
  v_fresh integer;
  v_rows integer;
  v_inserted integer := 0;
  v_quarantined integer := 0;
  v_dead integer[] := '{}';
  v_raised json := '[]';
  v_unstored integer[] := '{}';
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
    return query select v_behind, 0, 0, 0, v_dead, v_raised, v_unstored;
    return;
  end if;

  select count(*), count(e.channel) into v_fresh, v_rows
  from unnest(p_entry_partition, p_entry_epoch, p_entry_number, p_channel) as e (partition, epoch, number, channel)
  join outbox_positions p on p.partition = e.partition
  where (e.epoch, e.number) > (p.last_epoch, p.last_number);
  if v_fresh = 0 then
    v_unstored := unstored_partitions(p_entry_partition, p_entry_epoch, p_entry_number);
    return query select v_behind, 0, cardinality(p_entry_partition), 0, v_dead, v_raised, v_unstored;
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
    p_entry_partition, p_entry_epoch, p_entry_number, p_channel, p_epoch, p_seq, p_kind, p_id, p_target, p_client_id,
    p_author, p_name, p_body, p_meta, p_reply_to, p_mentions, p_at, p_deleted_at, p_prev_epoch, p_prev_seq
  ) with ordinality as e (
    entry_partition, entry_epoch, entry_number, channel, epoch, seq, kind, id, target, client_id,
    author, name, body, meta, reply_to, mentions, at, deleted_at, prev_epoch, prev_seq, ordinal
  )
  join outbox_positions p on p.partition = e.entry_partition
  where (e.entry_epoch, e.entry_number) > (p.last_epoch, p.last_number) and e.channel is not null
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
        p_entry_partition, p_entry_epoch, p_entry_number, p_channel, p_epoch, p_seq, p_kind, p_id, p_client_id,
        p_author, p_name, p_body, p_meta, p_reply_to, p_mentions, p_at, p_prev_epoch, p_prev_seq
      ) as e (
        entry_partition, entry_epoch, entry_number, channel, epoch, seq, kind, id, client_id,
        author, name, body, meta, reply_to, mentions, at, prev_epoch, prev_seq
      )
      join outbox_positions p on p.partition = e.entry_partition
      left join messages place on (place.channel, place.epoch, place.seq) = (e.channel, e.epoch, e.seq)
      left join messages twin on (twin.channel, twin.id) = (e.channel, e.id)
      where (e.entry_epoch, e.entry_number) > (p.last_epoch, p.last_number)
        and e.channel is not null
        and place.id is distinct from e.id
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

  insert into users (id, name, first_seen_at, last_seen_at)
  select distinct on (e.author) e.author, coalesce(e.name, e.author), e.at, e.at
  from unnest(p_entry_partition, p_entry_epoch, p_entry_number, p_author, p_name, p_at, p_deleted_at)
    as e (partition, epoch, number, author, name, at, deleted_at)
  join outbox_positions p on p.partition = e.partition
  where (e.epoch, e.number) > (p.last_epoch, p.last_number) and e.author is not null and e.deleted_at is null
  order by e.author, e.at desc
  on conflict (id) do update set name = excluded.name, last_seen_at = excluded.last_seen_at
  where excluded.last_seen_at >= users.last_seen_at
    and (excluded.name <> users.name or excluded.last_seen_at >= users.last_seen_at + 60000);

  if cardinality(p_dead_index) > 0 then
    select coalesce(array_agg(d.index order by d.index), '{}') into v_dead
    from unnest(p_dead_index) as d (index)
    join outbox_positions p on p.partition = p_entry_partition[d.index]
    where (p_entry_epoch[d.index], p_entry_number[d.index]) > (p.last_epoch, p.last_number);
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
  return query
  select v_behind, v_inserted, cardinality(p_entry_partition) - v_fresh, v_quarantined, v_dead, v_raised, v_unstored;
end
$$;
