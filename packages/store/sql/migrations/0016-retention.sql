-- Removing what channels do not keep: messages older than their retention_days, and everything of a deleted channel. A
-- thousand rows at a time, by one persister, while others go on writing.
--
-- Nothing here waits for a row that somebody else has locked: what is locked stays until the next minute. So neither function
-- can hold up a batch, or be one half of two that wait for each other.

alter table channels add column purged_at bigint;
comment on column channels.purged_at is 'Of a deleted channel: nothing of it is left since then. ms since the Unix epoch.';

-- Few channels have anything to remove.
create index channels_to_clear on channels (id)
where purged_at is null and (retention_days is not null or deleted_at is not null);

-- Removes the oldest messages of a channel that were sent before p_before, and changes of messages likewise: rows from the
-- beginning on up to the first that is younger, so that no hole is left between rows that stay. With them go what hangs on
-- them: reactions, mentions, dead letters, what is in quarantine. The channel's last row keeps its position, since it tells
-- where the channel stands, and loses its text.
--
-- Returns how many rows it removed; 0 when nothing is left to do now.
create function expire_messages(p_channel text, p_before bigint, p_most integer) returns integer
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  v_last_epoch bigint;
  v_last_seq bigint;
  v_epoch bigint;
  v_seq bigint;
  v_ids text[];
  v_rows integer;
  v_locked integer;
  v_removed integer := 0;
begin
  delete from dead_letters where id in (
    select d.id from dead_letters d where d.channel = p_channel and d.at < p_before limit p_most for update skip locked
  );
  delete from quarantine where id in (
    select q.id from quarantine q where q.channel = p_channel and q.at < p_before limit p_most for update skip locked
  );

  select epoch, seq into v_last_epoch, v_last_seq
  from messages where channel = p_channel order by epoch desc, seq desc limit 1;
  select
    count(*), (array_agg(a.epoch order by a.epoch desc, a.seq desc))[1], (array_agg(a.seq order by a.epoch desc, a.seq desc))[1],
    array_agg(a.id) filter (where a.kind = 'message')
  into v_rows, v_epoch, v_seq, v_ids
  from (
    select p.epoch, p.seq, p.kind, p.id, bool_and(p.at < p_before) over (order by p.epoch, p.seq) as is_old
    from (
      select epoch, seq, kind, id, at from messages where channel = p_channel order by epoch, seq limit p_most
    ) as p
  ) as a
  where a.is_old;
  if v_rows = 0 then return 0; end if;

  -- First what hangs on the messages: without them it would not be found any more.
  delete from reactions r using (
    select s.target, s.user_id, s.emoji from reactions s
    where s.channel = p_channel and s.target = any (v_ids)
    limit p_most for update skip locked
  ) as s
  where r.channel = p_channel and (r.target, r.user_id, r.emoji) = (s.target, s.user_id, s.emoji);
  get diagnostics v_removed = row_count;
  if exists (select from reactions where channel = p_channel and target = any (v_ids)) then return v_removed; end if;
  delete from mentions n using (
    select m.user_id, m.epoch, m.seq from mentions m
    where m.channel = p_channel and (m.epoch, m.seq) <= (v_epoch, v_seq)
    limit p_most for update skip locked
  ) as m
  where n.channel = p_channel and (n.user_id, n.epoch, n.seq) = (m.user_id, m.epoch, m.seq);
  get diagnostics v_locked = row_count;
  v_removed := v_removed + v_locked;
  if exists (
    select from mentions where channel = p_channel and (epoch, seq) <= (v_epoch, v_seq)
  ) then
    return v_removed;
  end if;

  select count(*) into v_locked from (
    select from messages where channel = p_channel and (epoch, seq) <= (v_epoch, v_seq) for update skip locked
  ) as m;
  if v_locked < v_rows then return v_removed; end if;
  delete from messages
  where channel = p_channel and (epoch, seq) <= (v_epoch, v_seq) and (epoch, seq) <> (v_last_epoch, v_last_seq);
  get diagnostics v_rows = row_count;
  update messages set
    body = null, meta = null, mentions = null,
    deleted_at = case when kind = 'message' then coalesce(deleted_at, now_ms()) end
  where channel = p_channel and (epoch, seq) = (v_last_epoch, v_last_seq) and (epoch, seq) <= (v_epoch, v_seq)
    and (body is not null or meta is not null or mentions is not null);
  get diagnostics v_locked = row_count;
  return v_removed + v_rows + v_locked;
end
$$;

-- Removes what is left of a deleted channel, all but its row in channels: up to p_most rows of each table.
--
-- Returns how many rows it removed; 0 when nothing is left to do now.
create function purge_channel(p_channel text, p_most integer) returns integer
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  v_rows integer;
  v_removed integer := 0;
begin
  if not exists (select from channels where id = p_channel and deleted_at is not null) then return 0; end if;
  delete from messages m using (
    select epoch, seq from messages where channel = p_channel order by epoch, seq limit p_most for update skip locked
  ) as g
  where m.channel = p_channel and (m.epoch, m.seq) = (g.epoch, g.seq);
  get diagnostics v_removed = row_count;
  delete from mentions m using (
    select user_id, epoch, seq from mentions where channel = p_channel limit p_most for update skip locked
  ) as g
  where m.channel = p_channel and (m.user_id, m.epoch, m.seq) = (g.user_id, g.epoch, g.seq);
  get diagnostics v_rows = row_count;
  v_removed := v_removed + v_rows;
  delete from reactions r using (
    select target, user_id, emoji from reactions where channel = p_channel limit p_most for update skip locked
  ) as g
  where r.channel = p_channel and (r.target, r.user_id, r.emoji) = (g.target, g.user_id, g.emoji);
  get diagnostics v_rows = row_count;
  v_removed := v_removed + v_rows;
  delete from read_positions r using (
    select user_id from read_positions where channel = p_channel limit p_most for update skip locked
  ) as g
  where r.channel = p_channel and r.user_id = g.user_id;
  get diagnostics v_rows = row_count;
  v_removed := v_removed + v_rows;
  delete from dead_letters where id in (
    select id from dead_letters where channel = p_channel limit p_most for update skip locked
  );
  get diagnostics v_rows = row_count;
  v_removed := v_removed + v_rows;
  delete from quarantine where id in (
    select id from quarantine where channel = p_channel limit p_most for update skip locked
  );
  get diagnostics v_rows = row_count;
  v_removed := v_removed + v_rows;
  delete from members m using (
    select user_id from members where channel = p_channel limit p_most for update skip locked
  ) as g
  where m.channel = p_channel and m.user_id = g.user_id;
  get diagnostics v_rows = row_count;
  v_removed := v_removed + v_rows;
  delete from bans b using (
    select user_id from bans where channel = p_channel limit p_most for update skip locked
  ) as g
  where b.channel = p_channel and b.user_id = g.user_id;
  get diagnostics v_rows = row_count;
  v_removed := v_removed + v_rows;
  delete from mutes u using (
    select user_id from mutes where channel = p_channel limit p_most for update skip locked
  ) as g
  where u.channel = p_channel and u.user_id = g.user_id;
  get diagnostics v_rows = row_count;
  return v_removed + v_rows;
end
$$;
