-- Whether this role can migrate: it makes tables here, and alters those that are there, which only their owner may.
select
  coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate",
  (
    select coalesce(string_agg(relname, ', ' order by relname), '')
    from pg_class
    where relnamespace = to_regnamespace(current_schema()) and relkind in ('r', 'p') and not relispartition
      and not pg_has_role(relowner, 'usage')
  ) as "ofOthers"
