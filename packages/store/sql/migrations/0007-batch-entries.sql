-- Commits one batch of outbox entries, as 0004 did. A read position and an entry are types of their own: their attributes
-- are the columns, named here and in batch-columns.ts and nowhere between.
--
-- p_reads    for each partition of the batch: the entry after which it was read (0-0: from the beginning)
-- p_entries  ascending within each partition. One whose channel is null has no row and only moves the position. One with
--            dead_reason goes to dead_letters; what it has of a row is the placeholder.
--
-- Returns what the function of 0004 returns; dead holds the index of each entry whose dead letter was not there before.
--
-- Builds of two migrations run side by side during an upgrade, and Postgres takes a value with an attribute too few for
-- broken data. So neither type is ever altered: who needs a further column makes a type and a function beside these, as
-- this one stands beside that of 0004, and removes what was there two builds ago. The arrays of 0004 go with the next.

create type read_position as (
  partition integer,
  epoch bigint,
  number bigint
);

create type batch_entry as (
  index integer,
  partition integer,
  entry_epoch bigint,
  entry_number bigint,
  dead_reason text,
  dead_frame text,
  channel text,
  epoch bigint,
  seq bigint,
  kind text,
  id text,
  target text,
  client_id text,
  author text,
  name text,
  body text,
  meta text,
  reply_to text,
  mentions text[],
  at bigint,
  deleted_at bigint,
  prev_epoch bigint,
  prev_seq bigint
);
comment on type read_position is 'A partition of a batch, and the entry after which it was read.';
comment on type batch_entry is 'An entry of a batch with what becomes its row; see batch-columns.ts.';
comment on column batch_entry.index is 'From 1: by it the answer names the entry.';
comment on column batch_entry.dead_frame is 'The entry as it was announced, in base64; with dead_reason.';

create function unstored_partitions(p_entries batch_entry[]) returns integer[]
language sql stable as $$
  select unstored_partitions(array_agg(e.partition), array_agg(e.entry_epoch), array_agg(e.entry_number))
  from unnest(p_entries) as e
$$;

create function save_batch(p_reads read_position[], p_entries batch_entry[]) returns table (
  behind integer[], inserted integer, skipped integer, quarantined integer, dead integer[], raised json,
  unstored integer[], reached json
)
language plpgsql as $$
#variable_conflict use_column
declare
  v_partitions integer[];
  v_behind integer[];
  v_entries integer := cardinality(p_entries);
  v_beyond integer;
  v_letters integer;
  v_begins boolean;
  v_fresh batch_entry[];
  v_rows integer;
  v_inserted integer := 0;
  v_quarantined integer := 0;
  v_dead integer[] := '{}';
  v_raised json := '[]';
  v_late json := '[]';
  v_unstored integer[] := '{}';
begin
  -- Both in the order of partitions: two persisters on the same ones wait for each other, never in a circle.
  select array_agg(r.partition order by r.partition) into v_partitions from unnest(p_reads) as r;
  insert into outbox_positions (partition)
  select p.partition from unnest(v_partitions) as p (partition) order by p.partition
  on conflict do nothing;
  perform 1 from outbox_positions where partition = any (v_partitions) order by partition for update;

  select array_agg(r.partition order by r.partition) into v_behind
  from unnest(p_reads) as r
  join outbox_positions p on p.partition = r.partition
  where (p.last_epoch, p.last_number) < (r.epoch, r.number);
  if v_behind is not null then
    return query select v_behind, 0, 0, 0, v_dead, v_raised, v_unstored, json '[]';
    return;
  end if;

  select
    count(*) filter (where (e.entry_epoch, e.entry_number) > (p.last_epoch, p.last_number)),
    count(e.channel), count(e.dead_reason), bool_or(e.seq = 1 or e.prev_epoch is not null)
  into v_beyond, v_rows, v_letters, v_begins
  from unnest(p_entries) as e
  join outbox_positions p on p.partition = e.partition;

  -- From here on only what is to be stored: all of it, unless an entry at or below the position is there already.
  v_fresh := p_entries;
  if v_beyond < v_entries then
    select coalesce(array_agg(e.entry order by e.index), '{}'), count(e.channel) into v_fresh, v_rows
    from (
      select e as entry, e.index, e.channel
      from unnest(p_entries) as e
      join outbox_positions p on p.partition = e.partition
      where (e.entry_epoch, e.entry_number) > (p.last_epoch, p.last_number)
        or not is_stored(e.partition, e.entry_epoch, e.entry_number, e.channel, e.epoch, e.seq, e.id)
    ) as e;
  end if;
  if cardinality(v_fresh) = 0 then
    return query select
      v_behind, 0, v_entries, 0, v_dead, v_raised, unstored_partitions(p_entries), reached_positions(v_partitions);
    return;
  end if;

  insert into messages (
    channel, epoch, seq, kind, id, target, client_id, author, name, body, meta, reply_to, mentions, at, deleted_at,
    prev_epoch, prev_seq
  )
  select
    e.channel, e.epoch, e.seq, e.kind, e.id, e.target, e.client_id, e.author, e.name, e.body, e.meta::json, e.reply_to,
    e.mentions, e.at, e.deleted_at, e.prev_epoch, e.prev_seq
  from unnest(v_fresh) as e
  where e.channel is not null
  order by e.index
  on conflict do nothing;
  get diagnostics v_inserted = row_count;

  -- A row that was not inserted is either there already, which is well, or its position or its id is another's. In the
  -- latter case nothing stands at its position: a deleted message keeps the channel's line whole.
  if v_inserted < v_rows then
    with held as (
      insert into quarantine (
        partition, entry_epoch, entry_number, channel, epoch, seq, message_id, held_id, held_epoch, held_seq, message
      )
      select
        e.partition, e.entry_epoch, e.entry_number, e.channel, e.epoch, e.seq, e.id,
        other.id, twin.epoch, twin.seq,
        json_build_object(
          'kind', e.kind, 'clientId', e.client_id, 'user', e.author, 'name', e.name, 'body', e.body,
          'meta', e.meta::json, 'replyTo', e.reply_to, 'mentions', e.mentions, 'at', e.at,
          'prevEpoch', e.prev_epoch, 'prevSeq', e.prev_seq
        )
      from unnest(v_fresh) as e
      left join messages other on (other.channel, other.epoch, other.seq) = (e.channel, e.epoch, e.seq)
      left join messages twin on (twin.channel, twin.id) = (e.channel, e.id)
      where e.channel is not null and other.id is distinct from e.id
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
  if v_begins then
    with moved as (
      update messages m set prev_epoch = last.epoch, prev_seq = last.seq
      from unnest(p_entries) as e
      cross join lateral (
        select b.epoch, b.seq from messages b
        where b.channel = e.channel and b.epoch < e.epoch
        order by b.epoch desc, b.seq desc limit 1
      ) as last
      where (e.seq = 1 or e.prev_epoch is not null)
        and (m.channel, m.epoch, m.seq, m.id) = (e.channel, e.epoch, e.seq, e.id)
        and (last.epoch, last.seq) > (coalesce(m.prev_epoch, 0), coalesce(m.prev_seq, 0))
      returning m.channel, m.epoch, m.seq, m.prev_epoch, m.prev_seq
    )
    select coalesce(json_agg(json_build_object(
      'channel', channel, 'epoch', epoch, 'seq', seq, 'prevEpoch', prev_epoch, 'prevSeq', prev_seq
    )), '[]') into v_raised from moved;
  end if;

  -- A row that comes late may stand before the first row of an epoch that is there already.
  if v_beyond < cardinality(v_fresh) then
    with late as (
      select distinct on (e.channel, next.epoch, next.seq)
        e.channel, e.epoch, e.seq, next.epoch as next_epoch, next.seq as next_seq
      from unnest(v_fresh) as e
      cross join lateral (
        select n.epoch, n.seq from messages n
        where n.channel = e.channel and n.epoch > e.epoch
        order by n.epoch, n.seq limit 1
      ) as next
      where e.channel is not null
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
  from unnest(v_fresh) as e
  where e.author is not null and e.deleted_at is null
  order by e.author, e.at desc
  on conflict (id) do update set name = excluded.name, last_seen_at = excluded.last_seen_at
  where excluded.last_seen_at >= users.last_seen_at
    and (excluded.name <> users.name or excluded.last_seen_at >= users.last_seen_at + 60000);

  if v_letters > 0 then
    with letters as (
      insert into dead_letters (partition, entry_epoch, entry_number, channel, epoch, seq, frame, reason)
      select
        e.partition, e.entry_epoch, e.entry_number, e.channel, e.epoch, e.seq, decode(e.dead_frame, 'base64'),
        e.dead_reason
      from unnest(v_fresh) as e
      where e.dead_reason is not null
    )
    select coalesce(array_agg(e.index order by e.index), '{}') into v_dead
    from unnest(v_fresh) as e
    where e.dead_reason is not null;
  end if;

  update outbox_positions p set last_epoch = l.entry_epoch, last_number = l.entry_number
  from (
    select distinct on (e.partition) e.partition, e.entry_epoch, e.entry_number
    from unnest(p_entries) as e
    order by e.partition, e.entry_epoch desc, e.entry_number desc
  ) as l
  where p.partition = l.partition and (l.entry_epoch, l.entry_number) > (p.last_epoch, p.last_number);

  if cardinality(v_fresh) < v_entries or v_quarantined > 0 or cardinality(v_dead) > 0 then
    v_unstored := unstored_partitions(p_entries);
  end if;
  return query select
    v_behind, v_inserted, v_entries - cardinality(v_fresh), v_quarantined, v_dead, v_raised, v_unstored,
    reached_positions(v_partitions);
end
$$;
