-- Which of the rights that a process needs this role does not have. Tables that are not there are the schema's matter.
-- $1 the rights: JSON, a list of objects with the name of a table and a right in it
select needed.right_name || ' on ' || needed.table_name as lacking
from json_to_recordset($1::text::json) as needed (table_name text, right_name text)
where to_regclass(needed.table_name) is not null
  and not has_table_privilege(to_regclass(needed.table_name), needed.right_name)
  -- Some columns may be enough; of a deletion there is no such thing.
  and not case needed.right_name
    when 'delete' then false
    else has_any_column_privilege(to_regclass(needed.table_name), needed.right_name)
  end
order by needed.table_name, needed.right_name
