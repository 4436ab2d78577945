-- Whether anything was ever applied here.
select to_regclass('schema_migrations') is not null as exists
