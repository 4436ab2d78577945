-- Records the number of partitions if none is recorded.
-- $1 the number
insert into cluster_settings (name, value) values ('partitions', $1::text) on conflict do nothing
