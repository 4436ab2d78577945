-- Who may do what in Postgres. Run by a superuser (or who may make roles and owns the database) in Rookery's database, before the
-- first `rookery migrate`; again whenever you like, since it makes only what is missing. No password is set here.
--
--   rookery_migrator   owns the tables, and logs in at migrations alone
--   rookery_edge, rookery_api, rookery_persister
--                      what each kind of process does; which tables, is said by the migrations (grant_roles)
--   rookery_reader     reads the audit log, and messages as rows, for people
--   ..._a, ..._b       the logins of each kind of process. One is in use and the other has no password, which lets nobody in: for
--                      the day on which the password is changed
do $$
declare
  v_role text;
  v_login text;
begin
  if not exists (select from pg_roles where rolname = 'rookery_migrator') then
    create role rookery_migrator login;
  end if;
  foreach v_role in array array['rookery_writer', 'rookery_reader'] loop
    if not exists (select from pg_roles where rolname = v_role) then
      execute format('create role %I nologin', v_role);
    end if;
  end loop;
  foreach v_role in array array['rookery_edge', 'rookery_api', 'rookery_persister'] loop
    if not exists (select from pg_roles where rolname = v_role) then
      execute format('create role %I nologin', v_role);
    end if;
    foreach v_login in array array[v_role || '_a', v_role || '_b'] loop
      if not exists (select from pg_roles where rolname = v_login) then
        execute format('create role %I login in role %I', v_login, v_role);
      end if;
    end loop;
  end loop;
end
$$;

-- The migrator owns what there is, also of a database that another role filled before.
do $$
declare
  v_row record;
begin
  execute format('alter database %I owner to rookery_migrator', current_database());
  execute format('revoke all on database %I from public', current_database());
  execute format(
    'grant connect on database %I to rookery_edge, rookery_api, rookery_persister, rookery_writer, rookery_reader', current_database()
  );
  revoke create on schema public from public;
  grant usage, create on schema public to rookery_migrator;
  for v_row in
    select case c.relkind when 'v' then 'view' when 'c' then 'type' else 'table' end as kind, c.oid::regclass::text as name
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'c')
      and pg_get_userbyid(c.relowner) <> 'rookery_migrator'
    union all
    select 'function', p.oid::regprocedure::text
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and pg_get_userbyid(p.proowner) <> 'rookery_migrator'
  loop
    execute format('alter %s %s owner to rookery_migrator', v_row.kind, v_row.name);
  end loop;
  if to_regprocedure('public.grant_roles()') is not null then
    set local role rookery_migrator;
    perform public.grant_roles();
    reset role;
  end if;
end
$$;
