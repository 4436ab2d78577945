-- What a server says of itself and of whoever asks: looked at before a process relies on it.
select
  current_setting('server_version') as version,
  current_setting('server_version_num')::integer as "versionNumber",
  current_setting('transaction_read_only') = 'on' as "isReadOnly",
  current_setting('max_connections')::integer as "maxConnections",
  current_user as role,
  -- None of those on its path is there for a role that may not use it.
  coalesce(current_schema(), '') as schema,
  -- Of the last stretch: behind a pooler, from there on.
  coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as "isEncrypted",
  (extract(epoch from clock_timestamp()) * 1000)::float8 as "serverMs"
