-- Dead letters are tried again or given up, one at a time, by whoever may write to this database; each with its audit record,
-- which waits as an announcement, as those of API keys do (0013).
--
-- A letter that is tried again takes its partition's lock first, as every batch does: a deletion that is being committed at the
-- same moment either stands already, or finds what was stored here. What a row shows follows from the rows that name it, so a
-- letter's row may come as late as it likes: an older edit changes nothing that a newer one has changed.

create function note_dead_letter(p_kind text, p_letter dead_letters, p_node text, p_as text) returns void
language sql volatile as $$
  insert into announcements (partition, control, audit) values (
    p_letter.partition,
    json_build_object('kind', 'user', 'user', 'node:' || p_node, 'frame', null, 'close', null),
    json_build_object(
      'kind', p_kind, 'actor', 'node:' || p_node, 'subject', null, 'channel', p_letter.channel, 'node', p_node,
      'address', null, 'reason', p_letter.reason,
      'data', json_build_object(
        'letter', p_letter.id, 'position', p_letter.epoch || '-' || p_letter.seq, 'as', p_as
      )
    )
  )
$$;

-- Stores a letter's row in place of the deleted message that holds its position. Fails, and changes nothing, where Postgres
-- refuses what it says.
--
-- p_item     its row, as an item of a batch
-- p_machine  the machine, and p_as who gave the command there
-- Returns    stored; or, when nothing was changed:
--            unknown  there is no such letter any more
--            deleted  its message was deleted, or a letter that deletes it waits beside this one
--            gone     nothing stands at its position: its channel does not keep it any more, or never could
--            taken    another message stands there, or has its id
create function retry_dead_letter(p_id bigint, p_item batch_item, p_machine text, p_as text) returns text
language plpgsql set plan_cache_mode = force_generic_plan
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
  v_letter dead_letters%rowtype;
  v_stands messages%rowtype;
  v_message text := coalesce(p_item.target, p_item.id);
begin
  select * into v_letter from dead_letters d where d.id = p_id;
  if not found then return 'unknown'; end if;
  perform lock_positions(array[v_letter.partition]);
  select * into v_letter from dead_letters d where d.id = p_id for update;
  if not found then return 'unknown'; end if;
  if v_letter.frame = '' then return 'deleted'; end if;

  if p_item.kind <> 'deleted' and (
    exists (
      select from messages d where d.channel = v_letter.channel and d.target = v_message and d.kind = 'deleted'
    ) or exists (
      select from dead_letters d
      where d.channel = v_letter.channel and d.id <> p_id
        and substring(d.frame from 1 for 17) = convert_to('{"type":"deleted"', 'UTF8')
        and position(convert_to('"id":"' || v_message || '"', 'UTF8') in d.frame) > 0
    )
  ) then
    return 'deleted';
  end if;
  if exists (select from channels c where c.id = v_letter.channel and c.deleted_at is not null) then return 'gone'; end if;
  select * into v_stands from messages m
  where (m.channel, m.epoch, m.seq) = (v_letter.channel, v_letter.epoch, v_letter.seq) for update;
  if not found then return 'gone'; end if;
  -- What was deleted in the course of things is named by its deletion, and a placeholder by nothing.
  if v_stands.kind <> 'message' or v_stands.deleted_at is null or v_stands.body is not null or exists (
    select from messages d where d.channel = v_letter.channel and d.target = v_stands.id and d.kind = 'deleted'
  ) then
    return 'taken';
  end if;
  if v_stands.id <> p_item.id and exists (
    select from messages m where m.channel = v_letter.channel and m.id = p_item.id
  ) then
    return 'taken';
  end if;

  update messages m set
    kind = p_item.kind, id = p_item.id, target = p_item.target, client_id = p_item.client_id, author = p_item.author,
    name = p_item.name, body = p_item.body, meta = p_item.meta::json, reply_to = p_item.reply_to,
    mentions = p_item.mentions, at = p_item.at, deleted_at = null, emoji = p_item.emoji, standing = p_item.standing,
    -- What the placeholder was found to follow may lie behind what the frame says.
    prev_epoch = link.epoch, prev_seq = link.seq
  from (
    select w.epoch, w.seq
    from (values (v_stands.prev_epoch, v_stands.prev_seq), (p_item.prev_epoch, p_item.prev_seq)) as w (epoch, seq)
    order by w.epoch desc nulls last, w.seq desc nulls last limit 1
  ) as link
  where (m.channel, m.epoch, m.seq) = (v_letter.channel, v_letter.epoch, v_letter.seq);

  if p_item.kind = 'message' then
    insert into users (id, name, first_seen_at, last_seen_at)
    values (p_item.author, coalesce(p_item.name, p_item.author), p_item.at, p_item.at)
    on conflict (id) do nothing;
    insert into mentions (channel, user_id, epoch, seq)
    select v_letter.channel, u.user_id, v_letter.epoch, v_letter.seq
    from unnest(p_item.mentions) as u (user_id)
    where u.user_id <> p_item.author
    on conflict do nothing;
  end if;
  perform settle_batch(array[p_item], true);
  delete from dead_letters d where d.id = p_id;
  perform note_dead_letter('dead_letter_retry', v_letter, p_machine, p_as);
  return 'stored';
end
$$;

-- Gives a letter up: the deleted message at its position stays. False where there is no such letter.
create function drop_dead_letter(p_id bigint, p_machine text, p_as text) returns boolean
language plpgsql as $$
declare
  v_letter dead_letters%rowtype;
begin
  delete from dead_letters d where d.id = p_id returning * into v_letter;
  if not found then return false; end if;
  perform note_dead_letter('dead_letter_drop', v_letter, p_machine, p_as);
  return true;
end
$$;
