-- Notes the announced migration. Sent together with it: one transaction.
insert into schema_migrations (name, checksum)
values (current_setting('rookery.migration'), current_setting('rookery.checksum'))
