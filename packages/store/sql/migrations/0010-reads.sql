-- How far each user has read in a channel, and how much is not read yet.
--
-- Each of the two indexes costs what is written: the first an entry a message, in each part of messages, so that a batch locks
-- eight relations more, 48 in all; the second an entry a mention. Neither has what was deleted.

create table read_positions (
  channel text collate "C" not null,
  user_id text collate "C" not null,
  epoch bigint not null,
  seq bigint not null,
  primary key (channel, user_id)
) with (fillfactor = 80);
comment on table read_positions is
  'How far users have read: moves forward only. Written once a second from Redis, which knows the newest.';
comment on column read_positions.channel is 'Id of the channel.';
comment on column read_positions.user_id is 'User id.';
comment on column read_positions.epoch is 'With seq, position of the last frame that was read.';
comment on column read_positions.seq is 'See epoch.';

comment on table users is 'Everybody who ever connected or wrote a message.';
comment on column users.name is 'Display name when last seen.';
comment on column users.first_seen_at is 'First connection or message: ms since the Unix epoch.';
comment on column users.last_seen_at is
  'When the user last came, went or wrote, the latter to the minute: ms since the Unix epoch.';

create index messages_of_author on messages (channel, author, epoch, seq) where kind = 'message' and deleted_at is null;
create index mentions_of_channel on mentions (channel, epoch, seq);

-- Messages of others in (p_from, p_to] that are not deleted, counted up to p_most. p_gone: ids of messages whose deletion is
-- not stored yet. Newest first, since others are mostly near. That look is bounded: who has written a hundred thousand
-- messages since, or has as many deleted ones before them, would have each of them read. Behind it those of every other author
-- are looked up by an index in which neither stands; and where a channel has too many authors for that, the rest is read
-- after all. Without sorting, since every order asked for is one of an index, also to a planner that knows nothing yet of a
-- table that has just been filled.
create function count_unread(
  p_channel text, p_user text, p_from_epoch bigint, p_from_seq bigint, p_to_epoch bigint, p_to_seq bigint, p_gone text[],
  p_most integer
) returns integer
language plpgsql stable set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off as $$
declare
  c_rows constant integer := 500;
  c_authors constant integer := 500;
  v_looked integer;
  v_found integer;
  v_more integer;
  v_authors integer;
  v_epoch bigint;
  v_seq bigint;
begin
  if p_most <= 0 then
    return 0;
  end if;
  select count(*), count(*) filter (where looked.counts), (array_agg(looked.epoch order by looked.epoch, looked.seq))[1],
    (array_agg(looked.seq order by looked.epoch, looked.seq))[1]
  into v_looked, v_found, v_epoch, v_seq
  from (
    select
      m.epoch, m.seq,
      m.kind = 'message' and m.deleted_at is null and m.author <> p_user and m.id <> all (p_gone) as counts
    from messages m
    where m.channel = p_channel and (m.epoch, m.seq) > (p_from_epoch, p_from_seq) and (m.epoch, m.seq) <= (p_to_epoch, p_to_seq)
    order by m.epoch desc, m.seq desc
    limit c_rows
  ) as looked;
  if v_looked < c_rows or v_found >= p_most then
    return least(v_found, p_most);
  end if;

  -- Each author gives a row for every message, or one without any.
  with recursive authors as (
    select 1 as n, (
      select m.author from messages m
      where m.channel = p_channel and m.kind = 'message' and m.deleted_at is null
      order by m.author limit 1
    ) as author
    union all
    select a.n + 1, (
      select m.author from messages m
      where m.channel = p_channel and m.author > a.author and m.kind = 'message' and m.deleted_at is null
      order by m.author limit 1
    )
    from authors a where a.author is not null and a.n <= c_authors
  )
  select count(*) filter (where written.counts), max(written.n) into v_more, v_authors
  from (
    select a.n, m.counts
    from authors a
    left join lateral (
      select m.id <> all (p_gone) as counts from messages m
      where m.channel = p_channel and m.author = a.author and a.author <> p_user
        and (m.epoch, m.seq) > (p_from_epoch, p_from_seq) and (m.epoch, m.seq) < (v_epoch, v_seq)
        and m.kind = 'message' and m.deleted_at is null
      order by m.epoch desc, m.seq desc
      limit p_most - v_found + cardinality(p_gone)
    ) as m on true
    limit c_authors + 1 + p_most - v_found + cardinality(p_gone)
  ) as written;
  if v_authors <= c_authors or v_found + v_more >= p_most then
    return least(v_found + v_more, p_most);
  end if;

  select v_found + count(*) into v_found
  from (
    select from messages m
    where m.channel = p_channel and (m.epoch, m.seq) > (p_from_epoch, p_from_seq) and (m.epoch, m.seq) < (v_epoch, v_seq)
      and m.kind = 'message' and m.deleted_at is null and m.author <> p_user and m.id <> all (p_gone)
    order by m.epoch desc, m.seq desc
    limit p_most - v_found
  ) as rest;
  return v_found;
end
$$;

-- Mentions of a user in (p_from, p_to], counted up to p_most; as the table, without those in messages of the user's own.
create function count_mentions(
  p_channel text, p_user text, p_from_epoch bigint, p_from_seq bigint, p_to_epoch bigint, p_to_seq bigint, p_gone text[],
  p_most integer
) returns integer
language sql stable as $$
  select count(*)::integer
  from (
    select from mentions n
    where n.channel = p_channel and n.user_id = p_user
      and (n.epoch, n.seq) > (p_from_epoch, p_from_seq) and (n.epoch, n.seq) <= (p_to_epoch, p_to_seq)
      and (cardinality(p_gone) = 0 or not exists (
        select from messages m
        where m.channel = p_channel and (m.epoch, m.seq) = (n.epoch, n.seq) and m.id = any (p_gone)
      ))
    order by n.epoch desc, n.seq desc
    limit greatest(p_most, 0)
  ) as named
$$;
