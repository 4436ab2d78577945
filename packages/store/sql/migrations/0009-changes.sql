-- Edits, deletions and reactions: each is a row of messages at a position of its own, with the message as its target, and
-- changes what the message's own row shows. And the mentions of users, as rows of their own.
--
-- What a message's row shows follows from the rows that name it, never from the order in which they came: the newest edit's
-- text, or none once a deletion of it stands. So it is the same however often, however late and by whomever they were stored.
-- After a deletion nothing of the message's text stands in any column of any table, and nothing that comes later brings it back.
--
-- Builds of the migration before call what they know: save_batch with batch_entry, save_fresh without its last parameter.
-- Both stay, as calls of what is here, until the migration after the next.

alter table messages add column emoji text;
alter table messages add column standing boolean;
comment on column messages.kind is 'What the row is: message, edited, deleted or reaction. All but the first have a target.';
comment on column messages.id is
  'Id of the message, as clients see it; of another kind @ and the position, which no message is called.';
comment on column messages.body is
  'The text: of a message its newest, of an edit what it was changed to; null when the message is deleted.';
comment on column messages.emoji is 'On a reaction: which.';
comment on column messages.standing is 'On a reaction: whether it was put or taken back.';

-- Of edits and deletions alone: a message has few of them, and may have ten thousand reactions, which are asked for by
-- nobody here. Each part of messages has one; a batch locks eight relations more, 40 in all, and those who write messages
-- alone write nothing into it.
create index messages_targets on messages (channel, target, kind, epoch, seq) where kind in ('edited', 'deleted');

create table reactions (
  channel text collate "C" not null,
  target text collate "C" not null,
  user_id text collate "C" not null,
  emoji text collate "C" not null,
  standing boolean not null,
  epoch bigint not null,
  seq bigint not null,
  first_epoch bigint,
  first_seq bigint,
  primary key (channel, target, user_id, emoji)
) with (fillfactor = 80);
comment on table reactions is
  'The last word of each user on each emoji of a message: by position, whichever came last. None of a deleted message.';
comment on column reactions.channel is 'Id of the channel.';
comment on column reactions.target is 'Id of the message.';
comment on column reactions.user_id is 'User id.';
comment on column reactions.emoji is 'Which.';
comment on column reactions.standing is 'Whether it stands, or was taken back.';
comment on column reactions.epoch is 'With seq, position of the last word.';
comment on column reactions.seq is 'See epoch.';
comment on column reactions.first_epoch is 'With first_seq, where this user first put it: emoji are shown in that order.';
comment on column reactions.first_seq is 'See first_epoch.';

create table mentions (
  channel text collate "C" not null,
  user_id text collate "C" not null,
  epoch bigint not null,
  seq bigint not null,
  primary key (channel, user_id, epoch, seq)
);
comment on table mentions is 'Who is mentioned where, by others; none of a deleted message.';
comment on column mentions.channel is 'Id of the channel.';
comment on column mentions.user_id is 'User id of who is mentioned.';
comment on column mentions.epoch is 'With seq, position of the message.';
comment on column mentions.seq is 'See epoch.';

-- The index above has made every writer of messages wait until this is committed: none is missed.
insert into mentions (channel, user_id, epoch, seq)
select m.channel, u.user_id, m.epoch, m.seq
from messages m cross join lateral unnest(m.mentions) as u (user_id)
where m.mentions is not null and m.kind = 'message' and m.deleted_at is null and u.user_id <> m.author
on conflict do nothing;

alter table quarantine add column target text collate "C";
comment on column quarantine.target is 'Of a change: id of the message that it would have changed.';
create index quarantine_of_message on quarantine (channel, (coalesce(target, message_id)));

create or replace view readable_messages as
select
  channel,
  timestamptz 'epoch' + at * interval '1 millisecond' as at,
  author,
  name,
  body,
  kind,
  epoch || '-' || seq as position,
  epoch,
  seq,
  id,
  reply_to,
  target,
  mentions,
  meta,
  timestamptz 'epoch' + edited_at * interval '1 millisecond' as edited_at,
  timestamptz 'epoch' + deleted_at * interval '1 millisecond' as deleted_at,
  client_id,
  case when prev_epoch is not null then prev_epoch || '-' || prev_seq end as prev,
  emoji,
  standing
from messages;

-- What is given with a message that is read backward. Functions of one query, which Postgres puts into the query that asks.

create function reaction_counts(p_channel text, p_id text) returns table (reactions json)
language sql stable as $$
  select json_agg(json_build_object('emoji', r.emoji, 'count', r.count) order by r.first)
  from (
    select emoji, count(*) filter (where standing) as count, min(array[first_epoch, first_seq]) as first
    from reactions where channel = p_channel and target = p_id
    group by emoji
  ) as r
  where r.count > 0
$$;

-- Answers are counted as far as they stand before a position: who knows those behind it counts none twice. And no further than
-- anybody wants to know, since a message may have a hundred thousand.
create function answers_before(p_channel text, p_id text, p_epoch bigint, p_seq bigint) returns table (count integer)
language sql stable as $$
  select count(*)::integer
  from (
    select from messages a
    where a.channel = p_channel and a.reply_to = p_id and a.kind = 'message' and a.deleted_at is null
      and (a.epoch, a.seq) < (p_epoch, p_seq)
    limit 1000
  ) as answers
$$;

create function message_since(
  p_channel text, p_id text, p_is_edited boolean, p_is_deleted boolean, p_end_epoch bigint, p_end_seq bigint
)
returns table (edit_epoch bigint, edit_seq bigint, reactions json, replies integer)
language sql stable as $$
  select edit.epoch, edit.seq, counted.reactions, answers.count
  from answers_before(p_channel, p_id, p_end_epoch, p_end_seq) as answers
  left join lateral (
    select e.epoch, e.seq from messages e
    where p_is_edited and e.channel = p_channel and e.target = p_id and e.kind = 'edited'
    order by e.epoch desc, e.seq desc limit 1
  ) as edit on true
  left join lateral (
    select c.reactions from reaction_counts(p_channel, p_id) as c where not p_is_deleted
  ) as counted on true
$$;

-- An item of a batch: an entry of the outbox with what becomes its row, or a row that a deletion leaves where an entry was
-- that it took out. As the types of 0007 and 0008 it is never altered.
create type batch_item as (
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
  prev_seq bigint,
  emoji text,
  standing boolean
);
comment on type batch_item is 'An item of a batch with what becomes its row; see batch-columns.ts.';
comment on column batch_item.index is 'From 1: by it the answer names the entry. Of a row that is left behind: that of the deletion.';
comment on column batch_item.dead_frame is 'The entry as it was announced, in base64; with dead_reason.';

-- Makes the rows of these messages show what the rows that name them say. Whatever it asks it asks by an index, a row at a
-- time, as its settings and the fences (offset 0) see to: tables that grow fast have estimates that are old, and a plan that
-- reads a whole one for a handful of rows is chosen at times.
create function settle_messages(p_channel text[], p_id text[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_channel text[];
  v_id text[];
  v_at bigint[];
begin
  select array_agg(t.channel), array_agg(t.id), array_agg(d.at) into v_channel, v_id, v_at
  from (select distinct channel, id from unnest(p_channel, p_id) as t (channel, id)) as t
  cross join lateral (
    select m.at from messages m
    where m.channel = t.channel and m.target = t.id and m.kind = 'deleted'
    order by m.epoch, m.seq limit 1
  ) as d;

  if v_channel is not null then
    delete from mentions n
    using unnest(v_channel, v_id) as g (channel, id)
    cross join lateral (
      select m.epoch, m.seq, m.mentions from messages m where m.channel = g.channel and m.id = g.id limit 1
    ) as m
    cross join lateral unnest(m.mentions) as u (user_id)
    where (n.channel, n.user_id, n.epoch, n.seq) = (g.channel, u.user_id, m.epoch, m.seq);

    update messages m
    set body = null, meta = null, mentions = null, deleted_at = coalesce(m.deleted_at, g.at)
    from unnest(v_channel, v_id, v_at) as g (channel, id, at)
    where m.channel = g.channel and m.id = g.id and m.kind = 'message'
      and (m.deleted_at is null or m.body is not null or m.meta is not null or m.mentions is not null);

    update messages m set body = null
    from unnest(v_channel, v_id) as g (channel, id)
    cross join lateral (
      select e.epoch, e.seq from messages e
      where e.channel = g.channel and e.target = g.id and e.kind = 'edited' and e.body is not null
      offset 0
    ) as e
    where (m.channel, m.epoch, m.seq) = (g.channel, e.epoch, e.seq);

    delete from reactions r
    using unnest(v_channel, v_id) as g (channel, id)
    cross join lateral (
      select s.user_id, s.emoji from reactions s where s.channel = g.channel and s.target = g.id offset 0
    ) as s
    where (r.channel, r.target, r.user_id, r.emoji) = (g.channel, g.id, s.user_id, s.emoji);

    -- A frame that nobody could read may name its message all the same, and not even say in which channel.
    update dead_letters d set frame = ''
    from unnest(v_channel, v_id) as g (channel, id)
    where (d.channel = g.channel or d.channel is null) and d.frame <> ''
      and position(convert_to('"id":"' || g.id || '"', 'UTF8') in d.frame) > 0;

    update quarantine q set message = (q.message::jsonb - '{body,meta,mentions}'::text[])::json
    from unnest(v_channel, v_id) as g (channel, id)
    where q.channel = g.channel and coalesce(q.target, q.message_id) = g.id;
  end if;

  update messages m set body = newest.body, edited_at = newest.at
  from (select distinct channel, id from unnest(p_channel, p_id) as t (channel, id)) as t
  cross join lateral (
    select e.body, e.at from messages e
    where e.channel = t.channel and e.target = t.id and e.kind = 'edited' and e.body is not null
    order by e.epoch desc, e.seq desc limit 1
  ) as newest
  where m.channel = t.channel and m.id = t.id and m.kind = 'message' and m.deleted_at is null
    and (m.edited_at, m.body) is distinct from (newest.at, newest.body);
end
$$;

-- The last word of each user by position, whether it comes now or came before.
create function save_reactions(p_items batch_item[]) returns void
language sql set plan_cache_mode = force_generic_plan
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
  insert into reactions as r (channel, target, user_id, emoji, standing, epoch, seq, first_epoch, first_seq)
  select
    s.channel, s.target, s.author, s.emoji, s.standing, s.last[1], s.last[2], s.first[1], s.first[2]
  from (
    select
      e.channel, e.target, e.author, e.emoji, max(array[e.epoch, e.seq]) as last,
      (array_agg(e.standing order by e.epoch desc, e.seq desc))[1] as standing,
      min(array[e.epoch, e.seq]) filter (where e.standing) as first
    from unnest(p_items) as e
    where e.kind = 'reaction' and e.dead_reason is null
    group by e.channel, e.target, e.author, e.emoji
  ) as s
  left join lateral (
    select true as is_deleted from messages d
    where d.channel = s.channel and d.target = s.target and d.kind = 'deleted' limit 1
  ) as gone on true
  where gone.is_deleted is null
  on conflict (channel, target, user_id, emoji) do update set
    (standing, epoch, seq) = (
      select w.standing, w.epoch, w.seq
      from (values (r.standing, r.epoch, r.seq), (excluded.standing, excluded.epoch, excluded.seq)) as w (standing, epoch, seq)
      order by w.epoch desc, w.seq desc limit 1
    ),
    (first_epoch, first_seq) = (
      select w.epoch, w.seq
      from (values (r.first_epoch, r.first_seq), (excluded.first_epoch, excluded.first_seq)) as w (epoch, seq)
      order by w.epoch, w.seq limit 1
    )
$$;

-- What keeps the line of a channel whole where an item has no row of its own: a deleted message that nobody knows.
create function fill_positions(p_items batch_item[]) returns void
language sql set plan_cache_mode = force_generic_plan
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
  insert into messages (channel, epoch, seq, kind, id, client_id, author, name, at, deleted_at, prev_epoch, prev_seq)
  select
    e.channel, e.epoch, e.seq, 'message', left(md5(e.channel || '|' || e.epoch || '-' || e.seq), 21), e.client_id, e.author,
    e.name, e.at, e.at, e.prev_epoch, e.prev_seq
  from unnest(p_items) as e
  where e.channel is not null and not exists (
    select from messages m where (m.channel, m.epoch, m.seq) = (e.channel, e.epoch, e.seq)
  )
  on conflict do nothing
$$;

-- What the items of a batch say of messages, once all their rows are stored. p_is_odd: there may be among them what came
-- late or has no row of its own, and what was deleted before may have come with it.
create function settle_batch(p_items batch_item[], p_is_odd boolean) returns void
language plpgsql set plan_cache_mode = force_generic_plan
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_channel text[];
  v_id text[];
begin
  if exists (select from unnest(p_items) as e where e.kind = 'reaction') then
    perform save_reactions(p_items);
  end if;
  select array_agg(e.channel), array_agg(coalesce(e.target, e.id)) into v_channel, v_id
  from unnest(p_items) as e
  where e.kind in ('edited', 'deleted') or (p_is_odd and e.channel is not null);
  if v_channel is not null then
    perform settle_messages(v_channel, v_id);
  end if;
  -- A dead letter may come after the row that a deletion left at its position, and need not name its message.
  if p_is_odd then
    update dead_letters d set frame = ''
    from unnest(p_items) as e
    cross join lateral (
      select coalesce(m.target, m.id) as id from messages m
      where (m.channel, m.epoch, m.seq) = (e.channel, e.epoch, e.seq) limit 1
    ) as standing
    where e.dead_reason is not null and (d.channel, d.epoch, d.seq) = (e.channel, e.epoch, e.seq)
      and exists (
        select from messages x where x.channel = e.channel and x.target = standing.id and x.kind = 'deleted'
      );
  end if;
end
$$;

create function unstored_partitions(p_items batch_item[]) returns integer[]
language sql stable as $$
  select unstored_partitions(array_agg(e.partition), array_agg(e.entry_epoch), array_agg(e.entry_number))
  from unnest(p_items) as e
$$;

-- Commits one batch of outbox entries, as that of 0007 did, with what changes bring along.
--
-- p_reads    for each partition of the batch: the entry after which it was read (0-0: from the beginning)
-- p_items    ascending within each partition, as batch_entry in 0007
-- p_removed  rows to be where deletions of this batch took entries out, if none is there
create function save_batch(p_reads read_position[], p_items batch_item[], p_removed batch_item[]) returns table (
  behind integer[], inserted integer, skipped integer, quarantined integer, dead integer[], raised json,
  unstored integer[], reached json
)
language plpgsql set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_partitions integer[];
  v_behind integer[];
  v_items integer := cardinality(p_items);
  v_beyond integer;
  v_letters integer;
  v_begins boolean;
  v_fresh batch_item[];
  v_removed batch_item[] := '{}';
  v_rows integer;
  v_inserted integer := 0;
  v_filled integer := 0;
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
  from unnest(p_items) as e
  join outbox_positions p on p.partition = e.partition;

  -- From here on only what is to be stored: all of it, unless an entry at or below the position is there already.
  v_fresh := p_items;
  if v_beyond < v_items then
    select coalesce(array_agg(e.item order by e.index), '{}'), count(e.channel) into v_fresh, v_rows
    from (
      select e as item, e.index, e.channel
      from unnest(p_items) as e
      join outbox_positions p on p.partition = e.partition
      where (e.entry_epoch, e.entry_number) > (p.last_epoch, p.last_number)
        or not is_stored(e.partition, e.entry_epoch, e.entry_number, e.channel, e.epoch, e.seq, e.id)
    ) as e;
  end if;
  if cardinality(v_fresh) = 0 then
    return query select
      v_behind, 0, v_items, 0, v_dead, v_raised, unstored_partitions(p_items), reached_positions(v_partitions);
    return;
  end if;

  insert into messages (
    channel, epoch, seq, kind, id, target, client_id, author, name, body, meta, reply_to, mentions, at, deleted_at,
    prev_epoch, prev_seq, emoji, standing
  )
  select
    e.channel, e.epoch, e.seq, e.kind, e.id, e.target, e.client_id, e.author, e.name, e.body, e.meta::json, e.reply_to,
    e.mentions, e.at, e.deleted_at, e.prev_epoch, e.prev_seq, e.emoji, e.standing
  from unnest(v_fresh) as e
  where e.channel is not null
  order by e.index
  on conflict do nothing;
  get diagnostics v_inserted = row_count;

  if cardinality(p_removed) > 0 then
    select coalesce(array_agg(e), '{}') into v_removed
    from unnest(p_removed) as e
    where e.index in (select f.index from unnest(v_fresh) as f);
    insert into messages (
      channel, epoch, seq, kind, id, target, client_id, author, name, reply_to, at, deleted_at, prev_epoch, prev_seq
    )
    select
      e.channel, e.epoch, e.seq, e.kind, e.id, e.target, e.client_id, e.author, e.name, e.reply_to, e.at, e.deleted_at,
      e.prev_epoch, e.prev_seq
    from unnest(v_removed) as e
    on conflict do nothing;
    get diagnostics v_filled = row_count;
    v_begins := v_begins or exists (select from unnest(v_removed) as e where e.seq = 1 or e.prev_epoch is not null);
  end if;

  -- A row that was not inserted is either there already, which is well, or its position or its id is another's. What is
  -- kept as a dead letter needs no second place.
  if v_inserted < v_rows then
    with held as (
      insert into quarantine (
        partition, entry_epoch, entry_number, channel, epoch, seq, message_id, target, held_id, held_epoch, held_seq, message
      )
      select
        e.partition, e.entry_epoch, e.entry_number, e.channel, e.epoch, e.seq, e.id, e.target,
        other.id, twin.epoch, twin.seq,
        json_build_object(
          'kind', e.kind, 'clientId', e.client_id, 'user', e.author, 'name', e.name, 'body', e.body,
          'meta', e.meta::json, 'replyTo', e.reply_to, 'mentions', e.mentions, 'at', e.at,
          'prevEpoch', e.prev_epoch, 'prevSeq', e.prev_seq, 'emoji', e.emoji, 'standing', e.standing
        )
      from unnest(v_fresh) as e
      left join messages other on (other.channel, other.epoch, other.seq) = (e.channel, e.epoch, e.seq)
      left join messages twin on (twin.channel, twin.id) = (e.channel, e.id)
      where e.channel is not null and e.dead_reason is null and other.id is distinct from e.id
      returning 1
    )
    select count(*) into v_quarantined from held;
  end if;
  if v_inserted < v_rows or v_filled < cardinality(v_removed) then
    perform fill_positions(v_fresh || v_removed);
  end if;

  -- The first row of an epoch follows whatever the channel's last row before it is, also where the Redis that numbered
  -- it had lost that one. Only now, since that row may have come with this very batch.
  if v_begins then
    with moved as (
      update messages m set prev_epoch = last.epoch, prev_seq = last.seq
      from unnest(p_items || v_removed) as e
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

  -- A row that comes late, or that a deletion leaves behind, may stand before the first row of an epoch that is there already.
  if v_beyond < cardinality(v_fresh) or cardinality(v_removed) > 0 then
    with late as (
      select distinct on (e.channel, next.epoch, next.seq)
        e.channel, e.epoch, e.seq, next.epoch as next_epoch, next.seq as next_seq
      from unnest(v_fresh || v_removed) as e
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

  -- Of a change nobody's name is known.
  insert into users (id, name, first_seen_at, last_seen_at)
  select distinct on (e.author) e.author, coalesce(e.name, e.author), e.at, e.at
  from unnest(v_fresh) as e
  where e.kind = 'message' and e.author is not null and e.deleted_at is null
  order by e.author, e.at desc
  on conflict (id) do update set name = excluded.name, last_seen_at = excluded.last_seen_at
  where excluded.last_seen_at >= users.last_seen_at
    and (excluded.name <> users.name or excluded.last_seen_at >= users.last_seen_at + 60000);

  insert into mentions (channel, user_id, epoch, seq)
  select e.channel, u.user_id, e.epoch, e.seq
  from unnest(v_fresh) as e
  cross join lateral unnest(e.mentions) as u (user_id)
  cross join lateral (
    select from messages m
    where (m.channel, m.epoch, m.seq, m.id) = (e.channel, e.epoch, e.seq, e.id) and m.deleted_at is null limit 1
  ) as stored
  where e.kind = 'message' and u.user_id <> e.author
  on conflict do nothing;

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

  if cardinality(v_removed) > 0 then
    update dead_letters d set frame = ''
    from unnest(v_removed) as e
    where (d.channel, d.epoch, d.seq) = (e.channel, e.epoch, e.seq) and d.frame <> '';
  end if;
  perform settle_batch(v_fresh, v_beyond < cardinality(v_fresh) or v_quarantined > 0 or v_letters > 0);

  update outbox_positions p set last_epoch = l.entry_epoch, last_number = l.entry_number
  from (
    select distinct on (e.partition) e.partition, e.entry_epoch, e.entry_number
    from unnest(p_items) as e
    order by e.partition, e.entry_epoch desc, e.entry_number desc
  ) as l
  where p.partition = l.partition and (l.entry_epoch, l.entry_number) > (p.last_epoch, p.last_number);

  if cardinality(v_fresh) < v_items or v_quarantined > 0 or cardinality(v_dead) > 0 then
    v_unstored := unstored_partitions(p_items);
  end if;
  return query select
    v_behind, v_inserted, v_items - cardinality(v_fresh), v_quarantined, v_dead, v_raised, v_unstored,
    reached_positions(v_partitions);
end
$$;

create or replace function save_batch(p_reads read_position[], p_entries batch_entry[]) returns table (
  behind integer[], inserted integer, skipped integer, quarantined integer, dead integer[], raised json,
  unstored integer[], reached json
)
language sql as $$
  select * from save_batch(
    p_reads,
    (
      select array_agg(
        row(
          e.index, e.partition, e.entry_epoch, e.entry_number, e.dead_reason, e.dead_frame, e.channel, e.epoch, e.seq,
          e.kind, e.id, e.target, e.client_id, e.author, e.name, e.body, e.meta, e.reply_to, e.mentions, e.at,
          e.deleted_at, e.prev_epoch, e.prev_seq, null, null
        )::batch_item
        order by e.index
      )
      from unnest(p_entries) as e
    ),
    '{}'::batch_item[]
  )
$$;
drop function unstored_partitions(batch_entry[]);

-- As that of 0008, of messages alone.
--
-- p_mentions  whether any of them mentions anybody
create function save_fresh(p_spans batch_span[], p_rows fresh_row[], p_begins boolean, p_mentions boolean)
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

  if p_mentions then
    insert into mentions (channel, user_id, epoch, seq)
    select r.channel, u.user_id, r.epoch, r.seq
    from unnest(p_rows) as r cross join lateral unnest(r.mentions) as u (user_id)
    where u.user_id <> r.author
    on conflict do nothing;
  end if;

  update outbox_positions p set last_epoch = s.last_epoch, last_number = s.last_number
  from unnest(p_spans) as s
  where p.partition = s.partition;

  return query select true, v_raised;
end
$$;

create or replace function save_fresh(p_spans batch_span[], p_rows fresh_row[], p_begins boolean)
returns table (saved boolean, raised json)
language sql as $$
  select * from save_fresh(p_spans, p_rows, p_begins, true)
$$;
