-- For people who read the database by plain SQL: what every table and column means, and the messages with times that can
-- be read. No process asks for the view; it may be dropped and made anew by any later migration.

create view readable_messages as
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
  case when prev_epoch is not null then prev_epoch || '-' || prev_seq end as prev
from messages;
comment on view readable_messages is
  'messages, with timestamps and positions as the API writes them. Ask by channel, and order by epoch, seq: that is the order everybody saw, and what the index serves; times may go back.';

comment on table messages is
  'Every message, once it was committed. Its place is (epoch, seq) within its channel, for good. Written by persisters only. To read: readable_messages.';
comment on column messages.channel is 'Id of the channel; there may be no row in channels for it.';
comment on column messages.epoch is 'First half of the place: goes up when numbering had to begin anew.';
comment on column messages.seq is 'Second half of the place: 1, 2, 3 ... within the epoch, without holes.';
comment on column messages.kind is 'What the row is: message; later also an edit, a deletion or a reaction, with target.';
comment on column messages.id is 'Id of the message, as clients see it.';
comment on column messages.target is 'Id of the message that this row changes; null on a message.';
comment on column messages.client_id is 'The sender''s own key of the message, by which repeats are found.';
comment on column messages.author is 'User id of who wrote it, from the token; server for a backend that names nobody.';
comment on column messages.name is 'Display name of the author at the time.';
comment on column messages.body is 'The text; null when deleted.';
comment on column messages.reply_to is 'Id of the message that this one answers.';
comment on column messages.mentions is 'User ids mentioned in the text.';
comment on column messages.at is 'When it got its place, by Redis'' clock: ms since the Unix epoch.';
comment on column messages.edited_at is 'Last edit: ms since the Unix epoch.';
comment on column messages.deleted_at is
  'Set: the row keeps its place and shows neither body nor meta. ms since the Unix epoch.';
comment on column messages.prev_seq is 'See prev_epoch.';

comment on column cluster_settings.name is 'Name of the setting.';
comment on column cluster_settings.value is 'Its value since the first start.';

comment on column outbox_positions.partition is 'Number of the partition.';
comment on column outbox_positions.last_epoch is 'With last_number, id of the last committed entry of the partition''s outbox.';
comment on column outbox_positions.last_number is 'See last_epoch.';
comment on column outbox_positions.audit_n is 'Number of the last audit record of the partition.';
comment on column outbox_positions.audit_mac is 'Its seal, which the next record is chained to.';

comment on table users is 'Everybody who ever wrote a message.';
comment on column users.id is 'User id, from the token.';
comment on column users.name is 'Display name on the newest message.';
comment on column users.first_seen_at is 'First message: ms since the Unix epoch.';
comment on column users.last_seen_at is
  'Last message, to the minute, since a row for every message of a user would be rewritten otherwise: ms since the Unix epoch.';

comment on table channels is 'Channels and their settings. Null in a setting: the default of the cluster holds.';
comment on column channels.id is 'Id, as clients see it.';
comment on column channels.kind is 'Who may come in: public, private, password or direct (between two users).';
comment on column channels.name is 'Name to show.';
comment on column channels.owner is 'User id of who made it.';
comment on column channels.created_at is 'ms since the Unix epoch.';
comment on column channels.password_hash is 'argon2id; of kind password only.';
comment on column channels.slow_mode_sec is 'Seconds between two messages of one user; 0 for none.';
comment on column channels.retention_days is 'Days for which messages are kept.';
comment on column channels.member_cap is 'Most members.';
comment on column channels.digest_above is 'Members present beyond which presence is told in digests.';
comment on column channels.count_above is 'Members present beyond which presence is only a count.';

comment on table members is 'Who belongs to a channel, and as what.';
comment on column members.channel is 'Id of the channel.';
comment on column members.user_id is 'User id.';
comment on column members.role is 'owner, moderator, member or reader.';
comment on column members.since is 'ms since the Unix epoch.';

comment on table api_keys is 'Keys of backends. The key itself is kept nowhere.';
comment on column api_keys.id is 'Number of the key.';
comment on column api_keys.hash is 'SHA-256 of the key, in hex.';
comment on column api_keys.name is 'What it is for.';
comment on column api_keys.scopes is 'What it may do: tokens, publish, channels, moderate, admin.';
comment on column api_keys.created_at is 'ms since the Unix epoch.';

comment on table refresh_tokens is
  'Refresh tokens by family: each is good once, and one that is shown again too late ends its whole family.';
comment on column refresh_tokens.hash is 'SHA-256 of the token, in hex.';
comment on column refresh_tokens.family is 'The same for a first token and all that were given for it.';
comment on column refresh_tokens.user_id is 'User id of who it was given to.';
comment on column refresh_tokens.name is 'Display name in the tokens that it is exchanged for.';
comment on column refresh_tokens.claims is 'What else those tokens carry, and for how long they are good.';
comment on column refresh_tokens.created_at is 'ms since the Unix epoch.';
comment on column refresh_tokens.expires_at is 'Good until then: ms since the Unix epoch.';
comment on column refresh_tokens.replaced_at is 'When it was exchanged: ms since the Unix epoch.';
comment on column refresh_tokens.revoked_at is 'When its family was ended: ms since the Unix epoch.';

comment on column dead_letters.id is 'Number of the letter.';
comment on column dead_letters.partition is 'Partition of the outbox entry.';
comment on column dead_letters.entry_epoch is 'With entry_number, id of the outbox entry.';
comment on column dead_letters.entry_number is 'See entry_epoch.';
comment on column dead_letters.channel is 'Channel of the message; null when even that could not be read.';
comment on column dead_letters.epoch is 'With seq, the place of the message.';
comment on column dead_letters.seq is 'See epoch.';
comment on column dead_letters.frame is 'The message as it was announced.';
comment on column dead_letters.reason is 'Why Postgres would not take it.';
comment on column dead_letters.at is 'When it was put here: ms since the Unix epoch.';

comment on column quarantine.id is 'Number of the case.';
comment on column quarantine.partition is 'Partition of the outbox entry.';
comment on column quarantine.entry_epoch is 'With entry_number, id of the outbox entry.';
comment on column quarantine.entry_number is 'See entry_epoch.';
comment on column quarantine.channel is 'Channel of the message.';
comment on column quarantine.epoch is 'With seq, the place that the message was given.';
comment on column quarantine.seq is 'See epoch.';
comment on column quarantine.message_id is 'Id of the message.';
comment on column quarantine.held_id is 'Id of the message that stands at this place.';
comment on column quarantine.held_epoch is 'With held_seq, the place at which this id stands already.';
comment on column quarantine.held_seq is 'See held_epoch.';
comment on column quarantine.message is 'The message itself.';
comment on column quarantine.at is 'When it was put here: ms since the Unix epoch.';

comment on table schema_migrations is 'What has been applied to this database, and when.';
comment on column schema_migrations.name is 'File of the migration.';
comment on column schema_migrations.checksum is 'SHA-256 of the file: one that was changed since is refused.';
comment on column schema_migrations.applied_at is 'ms since the Unix epoch.';
