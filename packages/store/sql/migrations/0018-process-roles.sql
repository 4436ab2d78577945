-- A role for each kind of process, beside those of 0014: what an edge, an api or a persister does in the tables, and no more. Who
-- gives all of them one login goes on with rookery_writer.
--
-- A table that a later migration makes is in none of these until that migration says so: it calls grant_roles again, in
-- which a row of the list below is a decision.

create function grant_process_roles() returns void
language plpgsql as $$
declare
  v_schema text := quote_ident(current_schema());
  v_row record;
begin
  for v_row in
    select r.role from unnest(array['rookery_edge', 'rookery_api', 'rookery_persister']) as r (role)
    where exists (select from pg_roles where rolname = r.role)
  loop
    execute format('grant usage on schema %s to %I', v_schema, v_row.role);
    execute format('revoke all on all tables in schema %s from %I', v_schema, v_row.role);
    execute format('grant select on schema_migrations, cluster_settings, redis_lives to %I', v_row.role);
    execute format('grant insert on cluster_settings to %I', v_row.role);
  end loop;
  for v_row in
    select g.role, g.rights, g.tables
    from (values
      -- Makes public channels where that is allowed, and members of who shows the password; all else it reads.
      ('rookery_edge', 'select', 'messages, reactions, mentions, read_positions, outbox_positions, dead_letters'),
      ('rookery_edge', 'select', 'bans, mutes, user_bans, revocations, global_rights'),
      ('rookery_edge', 'select, insert, update (rights_version, owner)', 'channels'),
      ('rookery_edge', 'select, insert, update (role, since)', 'members'),
      ('rookery_edge', 'select, insert, delete', 'announcements'),
      -- Changes who may do what, and reads what was said.
      ('rookery_api', 'select', 'messages, reactions, mentions, outbox_positions, dead_letters, audit_log, users'),
      ('rookery_api', 'select, insert, update', 'channels, user_bans'),
      ('rookery_api', 'select, update', 'global_rights'),
      ('rookery_api', 'select, insert, update', 'api_keys'),
      ('rookery_api', 'select, insert, update, delete', 'members, bans, mutes, announcements, revocations, refresh_tokens'),
      -- Stores what was said and what happened, and removes what channels do not keep.
      ('rookery_persister', 'select, insert, update, delete', 'messages, reactions, mentions, read_positions'),
      ('rookery_persister', 'select, insert, update, delete', 'dead_letters, quarantine'),
      ('rookery_persister', 'select, insert, update', 'outbox_positions, users'),
      ('rookery_persister', 'select, insert', 'audit_log'),
      ('rookery_persister', 'insert, update, delete', 'redis_lives'),
      ('rookery_persister', 'select, update', 'channels'),
      ('rookery_persister', 'select, update, delete', 'members, bans, mutes')
    ) as g (role, rights, tables)
    where exists (select from pg_roles where rolname = g.role)
  loop
    execute format('grant %s on %s to %I', v_row.rights, v_row.tables, v_row.role);
  end loop;
end
$$;

-- As in 0014, and the roles of processes with it.
alter function grant_roles() rename to grant_common_roles;
create function grant_roles() returns void
language sql as $$
  select grant_common_roles();
  select grant_process_roles();
$$;

do $$
declare
  v_role text;
begin
  foreach v_role in array array['rookery_edge', 'rookery_api', 'rookery_persister'] loop
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
