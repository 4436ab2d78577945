-- Writes down one of the things that never change while a cluster lives, if nothing stands there yet.
-- $1 its name  $2 its value
insert into cluster_settings (name, value) values ($1, $2) on conflict do nothing
