-- Channels of which something may have to be removed, by id, a page at a time.
-- $1 the id the page comes after, '' for the first  $2 most rows
select id, retention_days as "retentionDays", deleted_at as "deletedAt"
from channels
where id > $1::text and purged_at is null and (retention_days is not null or deleted_at is not null)
order by id
limit $2::integer
