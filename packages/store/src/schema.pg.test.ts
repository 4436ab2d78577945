// The schema that all migrations together make, as one file to read: sql/schema.txt. A migration shows there as a difference.
// `npx vitest run packages/store/src/schema.pg.test.ts -u` writes it anew.
import { testPostgres } from "@rookery/testkit";
import { expect, it } from "vitest";

const { sql } = await testPostgres();

interface Line {
  readonly line: string;
}

/** Of tables and views: columns with what is said of them, keys and checks, indexes, rights. Parts of a table are one line. */
const relations = () => sql<Line[]>`
  with relations as (
    select c.oid, c.relname, c.relkind, c.relacl, c.relowner, c.reloptions, c.relispartition, obj_description(c.oid, 'pg_class') as said
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'c')
  )
  select l.line
  from relations r
  cross join lateral (
    select 0 as part, 0 as at,
      case r.relkind when 'v' then 'view ' when 'c' then 'type ' else 'table ' end || r.relname
        || case r.relkind when 'p' then ' partitioned by ' || pg_get_partkeydef(r.oid) else '' end
        || case when r.relispartition then ' ' || pg_get_expr((select relpartbound from pg_class where oid = r.oid), r.oid) else '' end
        || coalesce(' with (' || array_to_string(r.reloptions, ', ') || ')', '')
        || coalesce(' -- ' || r.said, '') as line
    union all
    select 1, a.attnum,
      '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || case when l.collname <> 'default' then ' collate ' || quote_ident(l.collname) else '' end
        || case when a.attnotnull then ' not null' else '' end
        || case when a.attidentity <> '' then ' generated always as identity' else '' end
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        || coalesce(' -- ' || col_description(r.oid, a.attnum), '')
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    left join pg_collation l on l.oid = a.attcollation
    where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and not r.relispartition
    union all
    select 2, row_number() over (order by o.conname collate "C")::integer, '  constraint ' || o.conname || ' ' || pg_get_constraintdef(o.oid)
    from pg_constraint o
    where o.conrelid = r.oid and o.contype <> 'n' and not r.relispartition
    union all
    select 3, row_number() over (order by i.indexrelid::regclass::text collate "C")::integer, '  ' || pg_get_indexdef(i.indexrelid)
    from pg_index i
    where i.indrelid = r.oid and not r.relispartition
      and not exists (select from pg_constraint o where o.conindid = i.indexrelid and o.contype in ('p', 'u'))
    union all
    select 4, 1, '  granted to ' || a.grantee::regrole || ': ' || string_agg(lower(a.privilege_type), ', ' order by a.privilege_type)
    from aclexplode(r.relacl) as a where a.grantee not in (0, r.relowner) group by a.grantee
    union all
    select 5, 1, regexp_replace(pg_get_viewdef(r.oid), '\s+', ' ', 'g') where r.relkind = 'v'
  ) as l
  order by r.relname collate "C", l.part, l.at`;

/** Functions by what they take and give; of what they do a sum, since that is read in the migrations. */
const functions = () => sql<Line[]>`
  select 'function ' || p.proname || '(' || pg_get_function_arguments(p.oid) || ') returns ' || pg_get_function_result(p.oid)
    || coalesce(' set ' || array_to_string(p.proconfig, ', '), '') || ' -- ' || left(md5(p.prosrc), 12) as line
  from pg_proc p
  where p.pronamespace = 'public'::regnamespace
  order by p.proname collate "C", pg_get_function_identity_arguments(p.oid) collate "C"`;

const triggers = () => sql<Line[]>`
  select pg_get_triggerdef(t.oid) as line from pg_trigger t where not t.tgisinternal order by t.tgname collate "C"`;

it("the schema is the one that stands in sql/schema.txt", async () => {
  const parts = await Promise.all([relations(), functions(), triggers()]);
  const text = parts.map((lines) => lines.map(({ line }) => line.trimEnd()).join("\n")).join("\n\n");
  await expect(`${text.trimEnd()}\n`).toMatchFileSnapshot("../sql/schema.txt");
});
