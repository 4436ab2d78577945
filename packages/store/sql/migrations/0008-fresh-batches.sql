-- Commits a batch in which nothing is unusual, at little more than what its rows cost: most batches are such. It leaves
-- out what save_batch of 0007 does for the others and stands beside it, which still commits those, and all of older builds.
-- Inserts without looking for conflicts: a row whose position or id is taken ends the call with unique_violation.
--
-- p_spans   for each partition of the batch: the entry after which it was read, its first entry and its last
-- p_rows    a row for each entry, ascending within each partition
-- p_begins  whether any of them may be the first of its epoch
--
-- Returns
-- saved     false: nothing was stored, since a partition does not stand where the batch follows on. It stands below what
--           was read, or beyond the first entry: save_batch tells which.
-- raised    as save_batch does; null for none
--
-- Both types are never altered, see 0007. Its arrays of 0004 go now: no build that lives beside this one calls them.

create type batch_span as (
  partition integer,
  after_epoch bigint,
  after_number bigint,
  first_epoch bigint,
  first_number bigint,
  last_epoch bigint,
  last_number bigint
);

create type fresh_row as (
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
  prev_epoch bigint,
  prev_seq bigint
);
comment on type batch_span is 'A partition of a batch: after which entry it was read, its first and its last.';
comment on type fresh_row is 'What becomes a row of messages, of a batch in which nothing is unusual; see batch-columns.ts.';

create function save_fresh(p_spans batch_span[], p_rows fresh_row[], p_begins boolean)
returns table (saved boolean, raised json)
language plpgsql set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_partitions integer[];
  v_locked integer;
  v_raised json;
begin
  -- In the order of partitions, as every batch does: two that overlap wait for each other, never in a circle.
  select array_agg(s.partition order by s.partition) into v_partitions from unnest(p_spans) as s;
  perform 1 from outbox_positions where partition = any (v_partitions) order by partition for update;
  get diagnostics v_locked = row_count;
  if v_locked < cardinality(v_partitions) then
    insert into outbox_positions (partition)
    select p.partition from unnest(v_partitions) as p (partition) order by p.partition
    on conflict do nothing;
    perform 1 from outbox_positions where partition = any (v_partitions) order by partition for update;
  end if;
  if exists (
    select from unnest(p_spans) as s
    join outbox_positions p on p.partition = s.partition
    where (p.last_epoch, p.last_number) < (s.after_epoch, s.after_number)
      or (p.last_epoch, p.last_number) >= (s.first_epoch, s.first_number)
  ) then
    return query select false, null::json;
    return;
  end if;

  insert into messages (
    channel, epoch, seq, kind, id, target, client_id, author, name, body, meta, reply_to, mentions, at, prev_epoch, prev_seq
  )
  select
    r.channel, r.epoch, r.seq, r.kind, r.id, r.target, r.client_id, r.author, r.name, r.body, r.meta::json, r.reply_to,
    r.mentions, r.at, r.prev_epoch, r.prev_seq
  from unnest(p_rows) as r;

  -- The first row of an epoch follows whatever the channel's last row before it is, as in save_batch.
  if p_begins then
    with moved as (
      update messages m set prev_epoch = last.epoch, prev_seq = last.seq
      from unnest(p_rows) as r
      cross join lateral (
        select b.epoch, b.seq from messages b
        where b.channel = r.channel and b.epoch < r.epoch
        order by b.epoch desc, b.seq desc limit 1
      ) as last
      where (r.seq = 1 or r.prev_epoch is not null)
        and (m.channel, m.epoch, m.seq) = (r.channel, r.epoch, r.seq)
        and (last.epoch, last.seq) > (coalesce(m.prev_epoch, 0), coalesce(m.prev_seq, 0))
      returning m.channel, m.epoch, m.seq, m.prev_epoch, m.prev_seq
    )
    select json_agg(json_build_object(
      'channel', channel, 'epoch', epoch, 'seq', seq, 'prevEpoch', prev_epoch, 'prevSeq', prev_seq
    )) into v_raised from moved;
  end if;

  -- Who is known is looked up first: the upsert locks each row that it meets, and batches side by side share their users.
  insert into users (id, name, first_seen_at, last_seen_at)
  select a.author, a.name, a.at, a.at
  from (
    select distinct on (r.author collate "C") r.author collate "C" as author, coalesce(r.name, r.author) as name, r.at
    from unnest(p_rows) as r
    order by r.author collate "C", r.at desc
  ) as a
  left join users u on u.id = a.author
  where u.id is null or (a.at >= u.last_seen_at and (a.name <> u.name or a.at >= u.last_seen_at + 60000))
  order by a.author
  on conflict (id) do update set name = excluded.name, last_seen_at = excluded.last_seen_at
  where excluded.last_seen_at >= users.last_seen_at
    and (excluded.name <> users.name or excluded.last_seen_at >= users.last_seen_at + 60000);

  update outbox_positions p set last_epoch = s.last_epoch, last_number = s.last_number
  from unnest(p_spans) as s
  where p.partition = s.partition;

  return query select true, v_raised;
end
$$;

drop function save_batch(
  integer[], bigint[], bigint[],
  integer[], bigint[], bigint[],
  text[], bigint[], bigint[], text[], text[], text[], text[],
  text[], text[], text[], text[], text[], text[], bigint[],
  bigint[], bigint[], bigint[],
  integer[], text[], text[]
);
