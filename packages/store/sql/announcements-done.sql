-- Takes away what was announced.
-- $1 numbers of announcements
delete from announcements where id = any ($1::bigint[])
