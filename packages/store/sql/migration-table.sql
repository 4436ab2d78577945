-- What has been applied, by name and checksum.
create table if not exists schema_migrations (
  name text primary key,
  checksum text not null,
  applied_at bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint
)
