-- Every table of the first release. Times are the protocol's: whole milliseconds since the Unix epoch, so that a row
-- gives back the very number that was announced. Ids sort by their bytes, whatever the locale of the database.

create function now_ms() returns bigint
language sql stable as $$ select (extract(epoch from clock_timestamp()) * 1000)::bigint $$;

create table cluster_settings (
  name text primary key,
  value text not null
);
comment on table cluster_settings is 'What may never change while a cluster lives, such as its number of partitions.';

-- Eight parts. A batch writes to all of them and locks each with its three indexes: 32 relations, which a backend of
-- Postgres 18 still locks without the lock table that all share (it has room for 64 by default). Twice as many parts
-- would not fit, and a reader needs but one; fewer would leave larger indexes to a single vacuum worker.
create table messages (
  channel text collate "C" not null,
  epoch bigint not null,
  seq bigint not null,
  kind text not null,
  id text collate "C" not null,
  target text collate "C",
  client_id text,
  author text collate "C" not null,
  name text,
  body text,
  meta json,
  reply_to text collate "C",
  mentions text[],
  at bigint not null,
  edited_at bigint,
  deleted_at bigint,
  prev_epoch bigint,
  prev_seq bigint,
  primary key (channel, epoch, seq),
  unique (channel, id),
  check ((prev_epoch is null) = (prev_seq is null))
) partition by hash (channel);
comment on column messages.meta is 'json, not jsonb: the text is given back as it was announced, with its order of keys.';
comment on column messages.prev_epoch is 'With prev_seq, on the first row of an epoch: the position it follows.';
comment on column messages.deleted_at is 'Set: the row keeps its place and shows neither body nor meta.';

create table messages_0 partition of messages for values with (modulus 8, remainder 0);
create table messages_1 partition of messages for values with (modulus 8, remainder 1);
create table messages_2 partition of messages for values with (modulus 8, remainder 2);
create table messages_3 partition of messages for values with (modulus 8, remainder 3);
create table messages_4 partition of messages for values with (modulus 8, remainder 4);
create table messages_5 partition of messages for values with (modulus 8, remainder 5);
create table messages_6 partition of messages for values with (modulus 8, remainder 6);
create table messages_7 partition of messages for values with (modulus 8, remainder 7);

-- Only answers pay for it; without it the replies to an old message are found by reading the channel backwards.
create index messages_replies on messages (channel, reply_to, epoch, seq) where reply_to is not null;

create table outbox_positions (
  partition integer primary key,
  last_epoch bigint not null default 0,
  last_number bigint not null default 0,
  audit_n bigint not null default 0,
  audit_mac bytea
) with (fillfactor = 50);
comment on table outbox_positions is 'Up to where each outbox is committed: moves only together with the rows.';

create table users (
  id text collate "C" primary key,
  name text not null,
  first_seen_at bigint not null,
  last_seen_at bigint not null
) with (fillfactor = 80);
comment on column users.last_seen_at is 'To the minute: a row for every message of a user would be rewritten otherwise.';

create table channels (
  id text collate "C" primary key,
  kind text not null check (kind in ('public', 'private', 'password', 'direct')),
  name text,
  owner text collate "C" not null,
  created_at bigint not null default now_ms(),
  password_hash text,
  slow_mode_sec integer not null default 0,
  retention_days integer,
  member_cap integer,
  digest_above integer,
  count_above integer
);

create table members (
  channel text collate "C" not null references channels (id) on delete cascade,
  user_id text collate "C" not null,
  role text not null check (role in ('owner', 'moderator', 'member', 'reader')),
  since bigint not null default now_ms(),
  primary key (channel, user_id)
);
create index members_of_user on members (user_id, channel);

create table api_keys (
  id bigint generated always as identity primary key,
  hash text collate "C" not null unique,
  name text not null,
  scopes text[] not null,
  created_at bigint not null default now_ms()
);

create table refresh_tokens (
  hash text collate "C" primary key,
  family text collate "C" not null,
  user_id text collate "C" not null,
  name text not null,
  claims json not null,
  created_at bigint not null default now_ms(),
  expires_at bigint not null,
  replaced_at bigint,
  successor_sealed bytea,
  revoked_at bigint
);
create index refresh_tokens_of_family on refresh_tokens (family);
create index refresh_tokens_of_user on refresh_tokens (user_id);
comment on column refresh_tokens.successor_sealed is 'The next token, readable only with this one, for who asks twice at once.';

create table dead_letters (
  id bigint generated always as identity primary key,
  partition integer not null,
  entry_epoch bigint not null,
  entry_number bigint not null,
  channel text collate "C",
  epoch bigint not null,
  seq bigint not null,
  frame bytea not null,
  reason text not null,
  at bigint not null default now_ms()
);
create index dead_letters_of_place on dead_letters (channel, epoch, seq);
create index dead_letters_of_entry on dead_letters (partition, entry_epoch, entry_number);
comment on table dead_letters is 'Entries that Postgres would not take; a deleted message holds their place in messages.';

create table quarantine (
  id bigint generated always as identity primary key,
  partition integer not null,
  entry_epoch bigint not null,
  entry_number bigint not null,
  channel text collate "C" not null,
  epoch bigint not null,
  seq bigint not null,
  message_id text collate "C" not null,
  held_id text collate "C",
  held_epoch bigint,
  held_seq bigint,
  message json not null,
  at bigint not null default now_ms()
);
create index quarantine_of_entry on quarantine (partition, entry_epoch, entry_number);
comment on table quarantine is 'Messages whose place was taken by another (held_id), or whose id stood at another place.';
