-- What is in force of the things that never change while a cluster lives.
-- $1 its name
select value from cluster_settings where name = $1
