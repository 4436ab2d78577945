-- What happened, for those who have to answer for it: one table that is only ever added to, in which every row is sealed
-- with a key that the database does not have. The rows of a partition are one chain: the seal of each covers the seal of
-- the one before, and outbox_positions holds the head, which moves in the transaction that adds the rows.
--
-- The seals are made by the persister before the positions are locked. So a batch names the heads it was sealed on, and where
-- another head stands nothing is written: audit_stands tells which, and the batch is sealed again.

create table audit_log (
  partition integer not null,
  n bigint not null,
  id text collate "C" not null unique,
  at bigint not null,
  kind text collate "C" not null,
  actor text collate "C" not null,
  subject text collate "C",
  channel text collate "C",
  node text collate "C",
  address text collate "C",
  reason text,
  data json,
  key_id text collate "C" not null,
  mac bytea not null,
  primary key (partition, n)
);
create index audit_log_by_time on audit_log (at, id);
create index audit_log_of_actor on audit_log (actor, at);
create index audit_log_of_subject on audit_log (subject, at) where subject is not null;
create index audit_log_of_channel on audit_log (channel, at) where channel is not null;
comment on table audit_log is 'Who did what to whom, and who came and went. Only added to; no text of a message, no token, no address.';
comment on column audit_log.partition is 'Of the channel or the user that it is of.';
comment on column audit_log.n is '1, 2, 3 without a hole in each partition.';
comment on column audit_log.id is 'Of what was noted: the same is noted once, however often it comes.';
comment on column audit_log.at is 'When it was noted, ms since the Unix epoch, by the clock of Redis.';
comment on column audit_log.kind is 'What happened, in the words of AUDIT_KINDS.';
comment on column audit_log.actor is 'Who did it: a user id, key:<name> of an API key, or node:<id>.';
comment on column audit_log.subject is 'To whom, or to what.';
comment on column audit_log.channel is 'Id of the channel, if it was in one.';
comment on column audit_log.node is 'The node that held the connection.';
comment on column audit_log.address is 'A hash of the address of the connection.';
comment on column audit_log.reason is 'As it was given.';
comment on column audit_log.data is 'What else there is to tell, flat. json, not jsonb: it was sealed as this very text.';
comment on column audit_log.key_id is 'Which key sealed it.';
comment on column audit_log.mac is 'The seal: HMAC-SHA256 over the seal before it and all columns.';

comment on column outbox_positions.audit_n is 'With audit_mac, the head of the partition''s chain in audit_log: how many rows it has.';
comment on column outbox_positions.audit_mac is 'The seal of the last row.';

-- The head that a batch was sealed on; mac in hex, null of an empty chain. As all types of batches it is never altered.
create type audit_head as (
  partition integer,
  n bigint,
  mac text
);

-- A sealed row; mac in hex.
create type audit_item as (
  partition integer,
  n bigint,
  id text,
  at bigint,
  kind text,
  actor text,
  subject text,
  channel text,
  node text,
  address text,
  reason text,
  data text,
  key_id text,
  mac text
);
comment on type audit_head is 'The head of a chain that a batch was sealed on.';
comment on type audit_item is 'A sealed row of audit_log; see audit-columns.ts.';

-- In the order of partitions, as every batch does: two that overlap wait for each other, never in a circle.
create function lock_positions(p_partitions integer[]) returns void
language plpgsql as $$
declare
  v_locked integer;
begin
  perform 1 from outbox_positions where partition = any (p_partitions) order by partition for update;
  get diagnostics v_locked = row_count;
  if v_locked < cardinality(p_partitions) then
    insert into outbox_positions (partition)
    select p.partition from unnest(p_partitions) as p (partition) order by p.partition
    on conflict do nothing;
    perform 1 from outbox_positions where partition = any (p_partitions) order by partition for update;
  end if;
end
$$;

-- Null where these rows can be added as they are sealed. Otherwise how it stands: the head of each chain, with the key that
-- sealed it, and which of the rows are there already. Asked under the lock.
create function audit_stands(p_heads audit_head[], p_items audit_item[]) returns json
language plpgsql stable set plan_cache_mode = force_generic_plan
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
  v_doubled json;
  v_moved boolean;
begin
  select json_agg(i.id) into v_doubled
  from unnest(p_items) as i
  cross join lateral (select from audit_log a where a.id = i.id limit 1) as there;
  select bool_or((p.audit_n, p.audit_mac) is distinct from (h.n, decode(h.mac, 'hex'))) into v_moved
  from unnest(p_heads) as h
  join outbox_positions p on p.partition = h.partition;
  if v_doubled is null and v_moved is not true then
    return null;
  end if;
  return json_build_object('doubled', coalesce(v_doubled, '[]'), 'heads', (
    select coalesce(json_agg(json_build_object(
      'partition', p.partition, 'n', p.audit_n, 'mac', encode(p.audit_mac, 'hex'), 'keyId', last.key_id
    )), '[]')
    from unnest(p_heads) as h
    join outbox_positions p on p.partition = h.partition
    left join lateral (
      select a.key_id from audit_log a where a.partition = p.partition and a.n = p.audit_n limit 1
    ) as last on true
  ));
end
$$;

create function append_audit(p_items audit_item[]) returns void
language sql set plan_cache_mode = force_generic_plan as $$
  insert into audit_log (
    partition, n, id, at, kind, actor, subject, channel, node, address, reason, data, key_id, mac
  )
  select
    i.partition, i.n, i.id, i.at, i.kind, i.actor, i.subject, i.channel, i.node, i.address, i.reason, i.data::json, i.key_id,
    decode(i.mac, 'hex')
  from unnest(p_items) as i;
  update outbox_positions p set audit_n = l.n, audit_mac = decode(l.mac, 'hex')
  from (
    select distinct on (i.partition) i.partition, i.n, i.mac from unnest(p_items) as i order by i.partition, i.n desc
  ) as l
  where p.partition = l.partition;
$$;

-- As save_fresh, of a batch with audit records beside its messages. `stands` not null: nothing was stored, as audit_stands says.
create function save_fresh_audited(
  p_spans batch_span[], p_rows fresh_row[], p_begins boolean, p_mentions boolean,
  p_heads audit_head[], p_audit audit_item[]
) returns table (saved boolean, raised json, stands json)
language plpgsql set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_stands json;
  v_saved boolean;
  v_raised json;
begin
  perform lock_positions((select array_agg(s.partition) from unnest(p_spans) as s));
  v_stands := audit_stands(p_heads, p_audit);
  if v_stands is not null then
    return query select false, null::json, v_stands;
    return;
  end if;
  select f.saved, f.raised into v_saved, v_raised from save_fresh(p_spans, p_rows, p_begins, p_mentions) as f;
  if v_saved then
    perform append_audit(p_audit);
  end if;
  return query select v_saved, v_raised, null::json;
end
$$;

-- As save_batch, of a batch with audit records: each has an item without a row, which moves the position.
create function save_batch_audited(
  p_reads read_position[], p_items batch_item[], p_removed batch_item[], p_heads audit_head[], p_audit audit_item[]
) returns table (
  behind integer[], inserted integer, skipped integer, quarantined integer, dead integer[], raised json,
  unstored integer[], reached json, stands json
)
language plpgsql set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_stands json;
begin
  perform lock_positions((select array_agg(r.partition) from unnest(p_reads) as r));
  v_stands := audit_stands(p_heads, p_audit);
  if v_stands is not null then
    return query select null::integer[], 0, 0, 0, '{}'::integer[], json '[]', '{}'::integer[], json '[]', v_stands;
    return;
  end if;
  return query
    select b.behind, b.inserted, b.skipped, b.quarantined, b.dead, b.raised, b.unstored, b.reached, null::json
    from save_batch(p_reads, p_items, p_removed) as b;
  if exists (
    select from unnest(p_reads) as r
    join outbox_positions p on p.partition = r.partition
    where (p.last_epoch, p.last_number) < (r.epoch, r.number)
  ) then
    return;
  end if;
  perform append_audit(p_audit);
end
$$;

-- A page of the log, the newest first. What is null is not asked for; the page comes before (p_at, p_id). Planned for what is
-- asked, since each question has an index of its own.
create function audit_page(
  p_channel text, p_actor text, p_subject text, p_kind text, p_from bigint, p_to bigint, p_at bigint, p_id text, p_limit integer
) returns table (
  id text, at bigint, kind text, actor text, subject text, channel text, node text, address text, reason text, data text
)
language plpgsql stable set plan_cache_mode = force_custom_plan as $$
begin
  return query
    select a.id, a.at, a.kind, a.actor, a.subject, a.channel, a.node, a.address, a.reason, a.data::text
    from audit_log a
    where (p_channel is null or a.channel = p_channel) and (p_actor is null or a.actor = p_actor)
      and (p_subject is null or a.subject = p_subject) and (p_kind is null or a.kind = p_kind)
      and a.at >= p_from and a.at <= p_to and (a.at, a.id) < (p_at, p_id collate "C")
    order by a.at desc, a.id desc
    limit p_limit;
end
$$;

-- Roles of least privilege, for whoever gives processes and people a login of their own (`grant rookery_writer to ...`). A writer
-- adds to audit_log and changes nothing in it; a reader sees what was said and what happened, and no secret. To be called again
-- by the owner of the tables once the roles are there, where whoever migrates may not make any.
create function grant_roles() returns void
language plpgsql as $$
declare
  v_schema text := quote_ident(current_schema());
begin
  if exists (select from pg_roles where rolname = 'rookery_writer') then
    execute 'grant usage on schema ' || v_schema || ' to rookery_writer';
    execute 'grant select, insert, update, delete on all tables in schema ' || v_schema || ' to rookery_writer';
    execute 'grant usage, select on all sequences in schema ' || v_schema || ' to rookery_writer';
    execute 'alter default privileges in schema ' || v_schema
      || ' grant select, insert, update, delete on tables to rookery_writer';
    execute 'alter default privileges in schema ' || v_schema || ' grant usage, select on sequences to rookery_writer';
    revoke update, delete on audit_log from rookery_writer;
    if to_regclass('schema_migrations') is not null then
      revoke insert, update, delete on schema_migrations from rookery_writer;
    end if;
  end if;
  if exists (select from pg_roles where rolname = 'rookery_reader') then
    execute 'grant usage on schema ' || v_schema || ' to rookery_reader';
    grant select on audit_log, outbox_positions, readable_messages to rookery_reader;
  end if;
end
$$;

do $$
declare
  v_role text;
begin
  foreach v_role in array array['rookery_writer', 'rookery_reader'] loop
    begin
      if not exists (select from pg_roles where rolname = v_role) then
        execute format('create role %I nologin', v_role);
      end if;
    exception when duplicate_object or unique_violation or insufficient_privilege then
      -- Made by another database at the same moment, or to be made by somebody who may.
      null;
    end;
  end loop;
  perform grant_roles();
end
$$;
