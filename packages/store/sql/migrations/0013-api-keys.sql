-- Making and revoking of API keys, each with its audit record, and when a key was last used.
--
-- A key is made and revoked by whoever may write to this database, with no cluster running perhaps. So its record waits as an
-- announcement: the first api that lives hands it to partition 0, with an order to nobody, which changes nothing.

alter table api_keys
  add column revoked_at bigint,
  add column last_used_at bigint;
comment on column api_keys.revoked_at is 'Set: it opens nothing any more. ms since the Unix epoch.';
comment on column api_keys.last_used_at is
  'To the minute: a row would be rewritten for every request otherwise. ms since the Unix epoch.';

create function note_api_key(p_kind text, p_key api_keys, p_node text, p_as text) returns void
language sql volatile as $$
  insert into announcements (partition, control, audit) values (
    0,
    json_build_object('kind', 'user', 'user', 'key:' || p_key.name, 'frame', null, 'close', null),
    json_build_object(
      'kind', p_kind, 'actor', 'node:' || p_node, 'subject', 'key:' || p_key.name, 'channel', null, 'node', p_node,
      'address', null, 'reason', null,
      'data', json_build_object('key', p_key.id, 'scopes', array_to_string(p_key.scopes, ' '), 'as', p_as)
    )
  )
$$;

-- Keeps a new key. p_node: the machine; p_as: who gave the command there.
create function create_api_key(p_hash text, p_name text, p_scopes text[], p_node text, p_as text) returns setof api_keys
language plpgsql as $$
declare
  v_key api_keys%rowtype;
begin
  insert into api_keys (hash, name, scopes) values (p_hash, p_name, p_scopes) returning * into v_key;
  perform note_api_key('key_create', v_key, p_node, p_as);
  return next v_key;
end
$$;

-- Answers the key as it is then; no row for a number that no key has. Revoking it again changes and notes nothing.
create function revoke_api_key(p_id bigint, p_node text, p_as text) returns table (name text, was_valid boolean)
language plpgsql as $$
declare
  v_key api_keys%rowtype;
begin
  select * into v_key from api_keys k where k.id = p_id for update;
  if not found then return; end if;
  if v_key.revoked_at is null then
    update api_keys k set revoked_at = now_ms() where k.id = p_id;
    perform note_api_key('key_revoke', v_key, p_node, p_as);
  end if;
  return query select v_key.name, v_key.revoked_at is null;
end
$$;
