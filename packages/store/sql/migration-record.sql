-- Notes a migration. Sent together with it and before it: one transaction, and whoever brings the same one waits here.
-- Text of the file: :name  :checksum
insert into schema_migrations (name, checksum) values (:name, :checksum)
