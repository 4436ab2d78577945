-- The number of partitions in force.
select value from cluster_settings where name = 'partitions'
