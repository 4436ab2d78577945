-- Who may do what: bans, mutes, bans everywhere, revoked tokens, and the acts that change them.
--
-- An act is one call of a function. It locks the row of its channel before it looks at anything else, so that of two acts the
-- second sees what the first has done, judges who acts, writes, and gives the channel's rights their next version. In the same
-- transaction it leaves a row of announcements, which goes once every node was told: nothing that was committed stays unheard.

alter table channels
  add column rights_version bigint not null default 0,
  add column deleted_at bigint;
comment on column channels.rights_version is
  'Grows with every change of who may do what here. Redis and every node hold what they know against it.';
comment on column channels.deleted_at is
  'Set: it is gone for everybody, and its id is given to nobody again; what was said in it is removed bit by bit. ms since the Unix epoch.';
comment on column channels.owner is 'User id of an owner: of who made it, until that one is an owner no more.';

create table bans (
  channel text collate "C" not null references channels (id) on delete cascade,
  user_id text collate "C" not null,
  until_ms bigint,
  reason text,
  given_by text not null,
  at bigint not null,
  primary key (channel, user_id)
);
create index bans_that_end on bans (channel, until_ms) where until_ms is not null;
comment on table bans is 'Who may not come into a channel. One that has ended stands until another is given in its channel.';
comment on column bans.channel is 'Id of the channel.';
comment on column bans.user_id is 'User id; there may be no row in users for it.';
comment on column bans.until_ms is 'When it ends by itself: ms since the Unix epoch; null for good.';
comment on column bans.reason is 'As it was given, and is told to the user.';
comment on column bans.given_by is 'User id of who gave it, or key: and the name of an API key.';
comment on column bans.at is 'When it was given: ms since the Unix epoch.';

create table mutes (
  channel text collate "C" not null references channels (id) on delete cascade,
  user_id text collate "C" not null,
  until_ms bigint,
  reason text,
  given_by text not null,
  at bigint not null,
  primary key (channel, user_id)
);
create index mutes_that_end on mutes (channel, until_ms) where until_ms is not null;
comment on table mutes is 'Who may read in a channel and say nothing. One that has ended stands until another is given in its channel.';
comment on column mutes.channel is 'Id of the channel.';
comment on column mutes.user_id is 'User id; there may be no row in users for it.';
comment on column mutes.until_ms is 'When it ends by itself: ms since the Unix epoch; null for good.';
comment on column mutes.reason is 'As it was given, and is told to the user.';
comment on column mutes.given_by is 'User id of who gave it, or key: and the name of an API key.';
comment on column mutes.at is 'When it was given: ms since the Unix epoch.';

create table global_rights (
  only_row boolean primary key default true check (only_row),
  version bigint not null default 0
);
insert into global_rights default values;
comment on table global_rights is 'One row: how many changes there were to user_bans and revocations. Locked for each.';
comment on column global_rights.only_row is 'True.';
comment on column global_rights.version is 'Of the last change.';

create table user_bans (
  user_id text collate "C" primary key,
  until_ms bigint,
  reason text,
  given_by text not null,
  at bigint not null,
  lifted_at bigint,
  version bigint not null
);
create index user_bans_by_version on user_bans (version);
comment on table user_bans is
  'Who may not connect at all, the last word on each user. A lifted one stays, for nodes that have only heard of the ban.';
comment on column user_bans.user_id is 'User id; there may be no row in users for it.';
comment on column user_bans.until_ms is 'When it ends by itself: ms since the Unix epoch; null for good.';
comment on column user_bans.reason is 'As it was given, and is told to the user.';
comment on column user_bans.given_by is 'User id of who gave or lifted it, or key: and the name of an API key.';
comment on column user_bans.at is 'When it was given: ms since the Unix epoch.';
comment on column user_bans.lifted_at is 'Set: it is in force no more. ms since the Unix epoch.';
comment on column user_bans.version is 'Of global_rights, with the last change of this row.';

create table revocations (
  id bigint generated always as identity primary key,
  jti text collate "C",
  user_id text collate "C",
  issued_before bigint,
  at bigint not null,
  expires_at bigint not null,
  version bigint not null
);
create index revocations_by_version on revocations (version);
create index revocations_by_end on revocations (expires_at);
comment on table revocations is
  'Tokens that are good no longer: one by its jti, or those issued up to a moment, of one user or of everybody.';
comment on column revocations.id is 'Number of the revocation.';
comment on column revocations.jti is 'The one token with this jti.';
comment on column revocations.user_id is 'Only tokens of this user; null for everybody''s.';
comment on column revocations.issued_before is 'Tokens issued up to here, inclusive: ms since the Unix epoch.';
comment on column revocations.at is 'ms since the Unix epoch.';
comment on column revocations.expires_at is 'When none of these tokens can be valid any more; then the row goes. ms since the Unix epoch.';
comment on column revocations.version is 'Of global_rights, with this row.';

create table announcements (
  id bigint generated always as identity primary key,
  partition integer not null,
  control json not null,
  audit json not null,
  at bigint not null default now_ms(),
  due_at bigint not null default now_ms() + 1000
);
comment on table announcements is 'Changes that were committed and that not every node was told of yet. Mostly empty.';
comment on column announcements.id is 'Number of the announcement.';
comment on column announcements.partition is 'Number of the partition whose control topic tells of it.';
comment on column announcements.control is 'The change, as it is told.';
comment on column announcements.audit is 'The audit record that goes with it, without its time.';
comment on column announcements.at is 'When it was committed: ms since the Unix epoch.';
comment on column announcements.due_at is 'From when on any api announces it: ms since the Unix epoch.';

-- What an act answers. outcome: done, unchanged, or the code of a refusal, for which message has words.
create type act_outcome as (
  outcome text,
  message text,
  change json,
  announcement bigint,
  audit json,
  channel json
);
comment on type act_outcome is 'What became of an act, and the channel as it then is where it was asked for.';

create function refused(p_code text, p_message text) returns act_outcome
language sql immutable as $$ select row(p_code, p_message, null, null, null, null)::act_outcome $$;

create function unchanged() returns act_outcome
language sql immutable as $$ select row('unchanged', null, null, null, null, null)::act_outcome $$;

-- Who may act on whom: only on lower ranks. An API key stands above all.
create function role_rank(p_role text) returns integer
language sql immutable as $$
  select case p_role when 'owner' then 4 when 'moderator' then 3 when 'member' then 2 when 'reader' then 1 else 0 end
$$;

create function with_article(p_rank integer) returns text
language sql immutable as $$
  select case p_rank when 5 then 'an API key' when 4 then 'an owner' when 3 then 'a moderator' when 2 then 'a member' else 'a reader' end
$$;

-- How an actor stands in given_by and in the audit.
create function actor_name(p_actor text, p_is_key boolean) returns text
language sql immutable as $$ select case when p_is_key then 'key:' || p_actor else p_actor end $$;

-- The shapes of protocol's control.ts.
create function channel_record(p_channel text) returns json
language sql stable as $$
  select json_build_object(
    'version', rights_version, 'kind', kind, 'owner', owner, 'slowModeSec', slow_mode_sec, 'memberCap', member_cap,
    'deleted', deleted_at is not null
  )
  from channels where id = p_channel
$$;

create function access_entry(p_channel text, p_user text) returns json
language sql stable as $$
  select json_build_object(
    'role', (select m.role from members m where m.channel = p_channel and m.user_id = p_user),
    'ban', (
      select json_build_object('untilMs', b.until_ms, 'reason', b.reason)
      from bans b where b.channel = p_channel and b.user_id = p_user
    ),
    'mute', (
      select json_build_object('untilMs', u.until_ms, 'reason', u.reason)
      from mutes u where u.channel = p_channel and u.user_id = p_user
    )
  )
$$;

create function access_entries(p_channel text, p_users text[]) returns json
language sql stable as $$
  select coalesce(json_agg(json_build_object('user', u.id, 'entry', access_entry(p_channel, u.id)) order by u.id), '[]')
  from unnest(p_users) as u (id)
$$;

create function removal_of(p_code text, p_user text, p_keeps text[], p_until_ms bigint, p_reason text) returns json
language sql immutable as $$
  select json_build_object('code', p_code, 'user', p_user, 'keeps', to_json(p_keeps), 'untilMs', p_until_ms, 'reason', p_reason)
$$;

-- A channel as the api reads it: ChannelRow of channels.ts.
create function channel_row(p_channel text) returns json
language sql stable as $$
  select json_build_object(
    'id', id, 'kind', kind, 'name', name, 'owner', owner, 'createdAt', created_at, 'slowModeSec', slow_mode_sec,
    'retentionDays', retention_days, 'memberCap', member_cap, 'digestAbove', digest_above, 'countAbove', count_above,
    'settingsVersion', settings_version, 'rightsVersion', rights_version, 'hasPassword', password_hash is not null
  )
  from channels where id = p_channel
$$;

-- Leaves word of a change, and answers for the act.
create function announced(
  p_partition integer, p_control json, p_kind text, p_actor text, p_subject text, p_channel text, p_reason text, p_data json
) returns act_outcome
language plpgsql as $$
declare
  v_audit json;
  v_id bigint;
begin
  v_audit := json_build_object(
    'kind', p_kind, 'actor', p_actor, 'subject', p_subject, 'channel', p_channel, 'node', null, 'address', null,
    'reason', p_reason, 'data', nullif(json_strip_nulls(p_data)::text, '{}')::json
  );
  insert into announcements (partition, control, audit) values (p_partition, p_control, v_audit) returning id into v_id;
  return row('done', null, p_control, v_id, v_audit, null)::act_outcome;
end
$$;

-- Ends an act on a channel that is locked: the next version of its rights, and word of what changed.
--
-- p_users    whose entries changed
-- p_removal  who is taken out of it, or null
-- p_forgets  whether further entries changed
create function end_act(
  p_partition integer, p_channel text, p_users text[], p_removal json, p_forgets boolean,
  p_kind text, p_actor text, p_subject text, p_reason text, p_data json
) returns act_outcome
language plpgsql as $$
declare
  v_change json;
begin
  update channels set rights_version = rights_version + 1 where id = p_channel;
  v_change := json_build_object(
    'kind', 'channel', 'channel', p_channel, 'record', channel_record(p_channel),
    'entries', access_entries(p_channel, p_users), 'forgets', p_forgets, 'removal', p_removal
  );
  return announced(p_partition, v_change, p_kind, p_actor, p_subject, p_channel, p_reason, p_data);
end
$$;

-- Begins an act: locks the channel and judges whether this actor may do such a thing in it at all.
--
-- p_needs      rank that is needed, 0 for none
-- p_of_member  whether it is about one of the channel's members; a direct channel has two of them and nobody above either
-- p_doing      what is done, for whoever may not
--
-- Returns code and message of a refusal, or null in both; rank of the actor; what of the channel judges further.
create function begin_act(
  p_channel text, p_actor text, p_is_key boolean, p_needs integer, p_of_member boolean, p_doing text
) returns table (code text, message text, rank integer, kind text, member_cap integer)
language plpgsql as $$
#variable_conflict use_column
declare
  c channels%rowtype;
  v_rank integer;
  v_code text;
  v_message text;
begin
  select * into c from channels where id = p_channel for update;
  -- Read after the lock: whatever another act has changed meanwhile is seen.
  v_rank := case when p_is_key then 5 else role_rank(
    (select m.role from members m where m.channel = p_channel and m.user_id = p_actor)
  ) end;
  if c.id is null or c.deleted_at is not null or (c.kind in ('private', 'direct') and v_rank = 0) then
    v_code := 'not_found';
    v_message := 'no such channel';
  elsif c.kind = 'direct' and p_of_member then
    v_code := 'conflict';
    v_message := 'a direct channel has its two members: nobody is added, removed, banned, muted or kicked';
  elsif v_rank < p_needs then
    v_code := 'forbidden';
    v_message := format('only %s %s', case p_needs when 4 then 'an owner' else 'a moderator or an owner' end, p_doing);
  end if;
  return query select v_code, v_message, v_rank, c.kind, c.member_cap;
end
$$;

-- Why somebody of this rank may not act on this user, or null.
create function over_reach(p_rank integer, p_role text) returns text
language sql immutable as $$
  select case when role_rank(p_role) >= p_rank then
    format('the user is %s: %s acts only on lower roles', with_article(role_rank(p_role)), with_article(p_rank))
  end
$$;

-- A channel may have a million members, and has few owners.
create index members_who_own on members (channel, since, user_id) where role = 'owner';

create function is_last_owner(p_channel text, p_user text) returns boolean
language sql stable as $$
  select exists (select from members where channel = p_channel and user_id = p_user and role = 'owner')
    and not exists (select from members where channel = p_channel and user_id <> p_user and role = 'owner')
$$;

-- Whether a channel has as many members as it may have. They are counted where there is a cap alone.
create function is_full(p_channel text, p_cap integer) returns boolean
language plpgsql stable as $$
begin
  if p_cap is null then return false; end if;
  return (select count(*) from members where channel = p_channel) >= p_cap;
end
$$;

-- Writes a user's role, null for none. The row of the channel names another owner when this one is none any more.
create function write_role(p_channel text, p_user text, p_role text) returns void
language plpgsql as $$
begin
  if p_role is null then
    delete from members where channel = p_channel and user_id = p_user;
  else
    insert into members as m (channel, user_id, role) values (p_channel, p_user, p_role)
    on conflict (channel, user_id) do update set role = excluded.role, since = now_ms();
  end if;
  if p_role is distinct from 'owner' then
    update channels set owner = coalesce(
      (select user_id from members where channel = p_channel and role = 'owner' order by since, user_id limit 1), owner
    )
    where id = p_channel and owner = p_user;
  end if;
end
$$;

-- Gives a role or, with null, takes it away; anybody may take away their own, but for the last owner.
create function set_role(
  p_actor text, p_is_key boolean, p_channel text, p_partition integer, p_user text, p_role text
) returns act_outcome
language plpgsql as $$
declare
  v_is_self boolean := not p_is_key and p_user = p_actor;
  v_before text;
  v_words text;
  s record;
begin
  select * into s from begin_act(
    p_channel, p_actor, p_is_key, case when v_is_self and p_role is null then 0 else 3 end, true, 'gives and takes roles'
  );
  if s.code is not null then return refused(s.code, s.message); end if;
  select role into v_before from members where channel = p_channel and user_id = p_user;
  if not v_is_self then
    v_words := over_reach(s.rank, v_before);
    if v_words is not null then return refused('forbidden', v_words); end if;
  end if;
  if v_before is not distinct from p_role then return unchanged(); end if;
  if v_is_self and p_role is not null then
    return refused('forbidden', 'nobody changes a role of their own: one may leave, or ask somebody above');
  end if;
  if role_rank(p_role) > s.rank then
    return refused('forbidden', format('%s makes nobody %s', with_article(s.rank), with_article(role_rank(p_role))));
  end if;
  if is_last_owner(p_channel, p_user) then
    return refused('conflict', 'the channel would have no owner: make somebody else one first');
  end if;
  -- Without a role one may write in these, or may after showing the password: leaving would undo what a moderator decided.
  if v_is_self and v_before = 'reader' and s.kind in ('public', 'password') then
    return refused('forbidden', 'a reader does not give up the role: whoever has none may write here');
  end if;
  if p_role is not null and exists (
    select from bans where channel = p_channel and user_id = p_user and (until_ms is null or until_ms > now_ms())
  ) then
    return refused('conflict', 'the user is banned from the channel: lift the ban first');
  end if;
  if v_before is null and s.kind <> 'public' and is_full(p_channel, s.member_cap) then
    return refused('too_many', format('the channel has as many members as it may have: %s', s.member_cap));
  end if;
  perform write_role(p_channel, p_user, p_role);
  return end_act(
    p_partition, p_channel, array[p_user],
    case when p_role is null and s.kind <> 'public' then removal_of('forbidden', p_user, '{}', null, null) end, false,
    'role', actor_name(p_actor, p_is_key), p_user, null, json_build_object('role', coalesce(p_role, 'none'), 'before', v_before)
  );
end
$$;

-- Bans a user from a channel, or with p_lifts ends the ban. A ban takes the user's role away; its end gives none back.
create function set_ban(
  p_actor text, p_is_key boolean, p_channel text, p_partition integer, p_user text, p_lifts boolean, p_until_ms bigint,
  p_reason text
) returns act_outcome
language plpgsql as $$
declare
  v_actor text := actor_name(p_actor, p_is_key);
  v_words text;
  s record;
begin
  select * into s from begin_act(p_channel, p_actor, p_is_key, 3, true, 'bans and lifts bans');
  if s.code is not null then return refused(s.code, s.message); end if;
  if not p_is_key and p_user = p_actor then return refused('forbidden', 'nobody acts on themselves'); end if;
  v_words := over_reach(s.rank, (select role from members where channel = p_channel and user_id = p_user));
  if v_words is not null then return refused('forbidden', v_words); end if;
  if p_lifts then
    delete from bans where channel = p_channel and user_id = p_user;
    if not found then return unchanged(); end if;
    return end_act(p_partition, p_channel, array[p_user], null, false, 'unban', v_actor, p_user, null, null);
  end if;
  if is_last_owner(p_channel, p_user) then
    return refused('conflict', 'the channel would have no owner: make somebody else one first');
  end if;
  -- What has ended means nothing to anybody: it goes without a version of its own.
  delete from bans where channel = p_channel and until_ms < now_ms() - 3600000;
  insert into bans (channel, user_id, until_ms, reason, given_by, at)
  values (p_channel, p_user, p_until_ms, p_reason, v_actor, now_ms())
  on conflict (channel, user_id) do update set
    until_ms = excluded.until_ms, reason = excluded.reason, given_by = excluded.given_by, at = excluded.at;
  perform write_role(p_channel, p_user, null);
  return end_act(
    p_partition, p_channel, array[p_user], removal_of('banned', p_user, '{}', p_until_ms, p_reason), false,
    'ban', v_actor, p_user, p_reason, json_build_object('untilMs', p_until_ms)
  );
end
$$;

-- Mutes a user in a channel, or with p_lifts ends that.
create function set_mute(
  p_actor text, p_is_key boolean, p_channel text, p_partition integer, p_user text, p_lifts boolean, p_until_ms bigint,
  p_reason text
) returns act_outcome
language plpgsql as $$
declare
  v_actor text := actor_name(p_actor, p_is_key);
  v_words text;
  s record;
begin
  select * into s from begin_act(p_channel, p_actor, p_is_key, 3, true, 'mutes and lifts mutes');
  if s.code is not null then return refused(s.code, s.message); end if;
  if not p_is_key and p_user = p_actor then return refused('forbidden', 'nobody acts on themselves'); end if;
  v_words := over_reach(s.rank, (select role from members where channel = p_channel and user_id = p_user));
  if v_words is not null then return refused('forbidden', v_words); end if;
  if p_lifts then
    delete from mutes where channel = p_channel and user_id = p_user;
    if not found then return unchanged(); end if;
    return end_act(p_partition, p_channel, array[p_user], null, false, 'unmute', v_actor, p_user, null, null);
  end if;
  delete from mutes where channel = p_channel and until_ms < now_ms() - 3600000;
  insert into mutes (channel, user_id, until_ms, reason, given_by, at)
  values (p_channel, p_user, p_until_ms, p_reason, v_actor, now_ms())
  on conflict (channel, user_id) do update set
    until_ms = excluded.until_ms, reason = excluded.reason, given_by = excluded.given_by, at = excluded.at;
  return end_act(
    p_partition, p_channel, array[p_user], null, false,
    'mute', v_actor, p_user, p_reason, json_build_object('untilMs', p_until_ms)
  );
end
$$;

-- Ends a user's being present in a channel, and nothing else: whoever could come in before can again.
create function kick_user(
  p_actor text, p_is_key boolean, p_channel text, p_partition integer, p_user text, p_reason text
) returns act_outcome
language plpgsql as $$
declare
  v_words text;
  s record;
begin
  select * into s from begin_act(p_channel, p_actor, p_is_key, 3, true, 'kicks');
  if s.code is not null then return refused(s.code, s.message); end if;
  if not p_is_key and p_user = p_actor then return refused('forbidden', 'nobody acts on themselves'); end if;
  v_words := over_reach(s.rank, (select role from members where channel = p_channel and user_id = p_user));
  if v_words is not null then return refused('forbidden', v_words); end if;
  return end_act(
    p_partition, p_channel, array[p_user], removal_of('kicked', p_user, '{}', null, p_reason), false,
    'kick', actor_name(p_actor, p_is_key), p_user, p_reason, null
  );
end
$$;

-- Makes a member of who has shown the password that p_hash was made from; it must be the channel's still.
create function admit_member(p_channel text, p_partition integer, p_user text, p_hash text) returns act_outcome
language plpgsql as $$
declare
  c channels%rowtype;
begin
  select * into c from channels where id = p_channel for update;
  if c.id is null or c.deleted_at is not null or c.kind <> 'password' then
    return refused('not_found', 'no such channel');
  end if;
  if exists (
    select from bans where channel = p_channel and user_id = p_user and (until_ms is null or until_ms > now_ms())
  ) then
    return refused('forbidden', 'banned from this channel');
  end if;
  if exists (select from members where channel = p_channel and user_id = p_user) then return unchanged(); end if;
  if c.password_hash is distinct from p_hash then
    return refused('conflict', 'the password was changed meanwhile');
  end if;
  if is_full(p_channel, c.member_cap) then
    return refused('too_many', format('the channel has as many members as it may have: %s', c.member_cap));
  end if;
  perform write_role(p_channel, p_user, 'member');
  return end_act(
    p_partition, p_channel, array[p_user], null, false,
    'role', p_user, p_user, null, json_build_object('role', 'member', 'by', 'password')
  );
end
$$;

-- Makes a channel with its owner as a member.
--
-- p_given  the fields of a ChannelGiven but evict
create function create_channel(
  p_actor text, p_is_key boolean, p_channel text, p_partition integer, p_kind text, p_owner text, p_given jsonb
) returns act_outcome
language plpgsql as $$
declare
  v_done act_outcome;
begin
  insert into channels (
    id, kind, name, owner, password_hash, slow_mode_sec, retention_days, member_cap, digest_above, count_above, settings_version
  )
  values (
    p_channel, p_kind, p_given ->> 'name', p_owner, p_given ->> 'passwordHash',
    coalesce((p_given ->> 'slowModeSec')::integer, 0), (p_given ->> 'retentionDays')::integer,
    (p_given ->> 'memberCap')::integer, (p_given ->> 'digestAbove')::integer, (p_given ->> 'countAbove')::integer,
    case when coalesce(p_given ->> 'digestAbove', p_given ->> 'countAbove') is null then 0 else 1 end
  )
  on conflict (id) do nothing;
  if not found then return refused('conflict', 'there is a channel with this id'); end if;
  insert into members (channel, user_id, role) values (p_channel, p_owner, 'owner');
  v_done := end_act(
    p_partition, p_channel, array[p_owner], null, false,
    'channel_create', actor_name(p_actor, p_is_key), null, null, json_build_object('kind', p_kind, 'owner', p_owner)
  );
  v_done.channel := channel_row(p_channel);
  return v_done;
end
$$;

-- Makes the channel of two users, or finds it.
create function create_direct(
  p_actor text, p_is_key boolean, p_channel text, p_partition integer, p_user text, p_other text
) returns act_outcome
language plpgsql as $$
declare
  c channels%rowtype;
  v_done act_outcome;
begin
  if p_user = p_other then return refused('invalid', 'a direct channel is one of two users'); end if;
  insert into channels (id, kind, owner) values (p_channel, 'direct', p_user) on conflict (id) do nothing;
  if found then
    insert into members (channel, user_id, role) values (p_channel, p_user, 'member'), (p_channel, p_other, 'member');
    v_done := end_act(
      p_partition, p_channel, array[p_user, p_other], null, false,
      'channel_create', actor_name(p_actor, p_is_key), p_other, null, json_build_object('kind', 'direct')
    );
  else
    select * into c from channels where id = p_channel;
    if c.deleted_at is not null or c.kind <> 'direct' then
      return refused('conflict', 'the channel of these two was deleted, and there is no other');
    end if;
    v_done := unchanged();
  end if;
  v_done.channel := channel_row(p_channel);
  return v_done;
end
$$;

-- Changes what p_given names of a channel and leaves the rest as it is.
--
-- p_given          a ChannelGiven
-- p_digest_above,
-- p_count_above    defaults of the cluster, against which what is given is judged where the channel has none
create function change_channel(
  p_actor text, p_is_key boolean, p_channel text, p_partition integer, p_given jsonb, p_digest_above integer,
  p_count_above integer
) returns act_outcome
language plpgsql as $$
declare
  v_evicts boolean := coalesce((p_given ->> 'evict')::boolean, false);
  v_digest integer;
  v_count integer;
  v_done act_outcome;
  s record;
  c channels%rowtype;
  n channels%rowtype;
begin
  select * into s from begin_act(p_channel, p_actor, p_is_key, 4, false, 'changes the channel');
  if s.code is not null then return refused(s.code, s.message); end if;
  select * into c from channels where id = p_channel;
  n := c;
  if p_given ? 'name' then n.name := p_given ->> 'name'; end if;
  if p_given ? 'slowModeSec' then n.slow_mode_sec := p_given ->> 'slowModeSec'; end if;
  if p_given ? 'retentionDays' then n.retention_days := p_given ->> 'retentionDays'; end if;
  if p_given ? 'memberCap' then n.member_cap := p_given ->> 'memberCap'; end if;
  if p_given ? 'digestAbove' then n.digest_above := p_given ->> 'digestAbove'; end if;
  if p_given ? 'countAbove' then n.count_above := p_given ->> 'countAbove'; end if;
  if p_given ? 'passwordHash' then n.password_hash := p_given ->> 'passwordHash'; end if;

  if p_given ? 'passwordHash' and c.kind <> 'password' then
    return refused('invalid', '"password": only a channel of kind password has one');
  end if;
  if v_evicts and not p_given ? 'passwordHash' then return refused('invalid', '"evict" goes with a new password'); end if;
  if c.kind = 'direct' and (n.member_cap is not null or n.slow_mode_sec > 0) then
    return refused('invalid', '"settings": a direct channel has neither a member cap nor slow mode');
  end if;
  v_digest := coalesce(n.digest_above, p_digest_above);
  v_count := coalesce(n.count_above, p_count_above);
  if v_digest >= v_count then
    return refused(
      'invalid', format('"settings.digestAbove" (%s) must be below "settings.countAbove" (%s)', v_digest, v_count)
    );
  end if;
  if n is not distinct from c then
    v_done := unchanged();
    v_done.channel := channel_row(p_channel);
    return v_done;
  end if;

  update channels set
    name = n.name, slow_mode_sec = n.slow_mode_sec, retention_days = n.retention_days, member_cap = n.member_cap,
    digest_above = n.digest_above, count_above = n.count_above, password_hash = n.password_hash,
    settings_version = settings_version + 1
  where id = p_channel;
  if v_evicts then delete from members where channel = p_channel and role in ('member', 'reader'); end if;
  v_done := end_act(
    p_partition, p_channel, '{}',
    case when v_evicts then removal_of('password_changed', null, '{owner,moderator}', null, null) end, v_evicts,
    'channel_change', actor_name(p_actor, p_is_key), null, null,
    (p_given - 'passwordHash' || case when p_given ? 'passwordHash' then '{"password": true}' else '{}' end::jsonb)::json
  );
  v_done.channel := channel_row(p_channel);
  return v_done;
end
$$;

-- Deletes a channel. Its row stays, so that its id is given to nobody again; what was said in it goes bit by bit.
create function delete_channel(p_actor text, p_is_key boolean, p_channel text, p_partition integer) returns act_outcome
language plpgsql as $$
declare
  s record;
begin
  select * into s from begin_act(p_channel, p_actor, p_is_key, 4, false, 'deletes the channel');
  if s.code is not null then return refused(s.code, s.message); end if;
  update channels set deleted_at = now_ms(), password_hash = null where id = p_channel;
  return end_act(
    p_partition, p_channel, '{}', removal_of('deleted', null, '{}', null, null), true,
    'channel_delete', actor_name(p_actor, p_is_key), null, null, null
  );
end
$$;

-- The next version of what concerns no one channel. Whoever asks holds the row until the end of the transaction, so that
-- versions are committed in their order.
create function next_global_version() returns bigint
language sql as $$ update global_rights set version = version + 1 returning version $$;

-- Bans a user everywhere, or with p_lifts ends the ban.
create function ban_everywhere(
  p_actor text, p_is_key boolean, p_user text, p_lifts boolean, p_until_ms bigint, p_reason text
) returns act_outcome
language plpgsql as $$
declare
  v_actor text := actor_name(p_actor, p_is_key);
  v_version bigint;
  b user_bans%rowtype;
begin
  perform from global_rights for update;
  if p_lifts and not exists (select from user_bans where user_id = p_user and lifted_at is null) then return unchanged(); end if;
  v_version := next_global_version();
  if p_lifts then
    update user_bans set lifted_at = now_ms(), given_by = v_actor, version = v_version where user_id = p_user returning * into b;
  else
    insert into user_bans (user_id, until_ms, reason, given_by, at, version)
    values (p_user, p_until_ms, p_reason, v_actor, now_ms(), v_version)
    on conflict (user_id) do update set
      until_ms = excluded.until_ms, reason = excluded.reason, given_by = excluded.given_by, at = excluded.at,
      lifted_at = null, version = excluded.version
    returning * into b;
  end if;
  return announced(
    0,
    json_build_object(
      'kind', 'global', 'version', v_version, 'revocation', null,
      'ban', json_build_object('user', p_user, 'untilMs', b.until_ms, 'reason', b.reason, 'lifted', p_lifts)
    ),
    case when p_lifts then 'unban_everywhere' else 'ban_everywhere' end, v_actor, p_user, null,
    case when not p_lifts then p_reason end, json_build_object('untilMs', case when not p_lifts then p_until_ms end)
  );
end
$$;

-- Revokes tokens: the one with p_jti, or those issued up to p_issued_before, of p_user or of everybody. With the latter go
-- the refresh tokens: whole families of a user, of everybody those issued up to then.
create function revoke_tokens(
  p_actor text, p_is_key boolean, p_jti text, p_user text, p_issued_before bigint, p_expires_at bigint
) returns act_outcome
language plpgsql as $$
declare
  v_version bigint;
begin
  v_version := next_global_version();
  delete from revocations where expires_at < now_ms();
  insert into revocations (jti, user_id, issued_before, at, expires_at, version)
  values (p_jti, p_user, p_issued_before, now_ms(), p_expires_at, v_version);
  if p_jti is null and p_user is not null then
    perform revoke_refresh_families(array(
      select distinct family from refresh_tokens
      where user_id = p_user and (p_issued_before is null or created_at <= p_issued_before)
    ));
  elsif p_jti is null then
    -- Waits for exchanges under way and holds back new ones, so that none leaves a successor that is not seen here.
    lock table refresh_tokens in share row exclusive mode;
    update refresh_tokens set revoked_at = now_ms()
    where revoked_at is null and (p_issued_before is null or created_at <= p_issued_before);
  end if;
  return announced(
    0,
    json_build_object(
      'kind', 'global', 'version', v_version, 'ban', null,
      'revocation', json_build_object(
        'jti', p_jti, 'user', p_user, 'issuedBeforeMs', p_issued_before, 'expiresMs', p_expires_at
      )
    ),
    -- Users revoke nothing but their own token, on their way out.
    case when p_is_key then 'revoke' else 'logout' end, actor_name(p_actor, p_is_key), p_user, null, null,
    json_build_object('jti', p_jti, 'issuedBeforeMs', p_issued_before)
  );
end
$$;
