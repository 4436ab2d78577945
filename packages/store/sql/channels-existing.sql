-- Which of these channels are there, and from how many members present on each is told in another way.
-- $1 ids
select id, settings_version as version, digest_above as "digestAbove", count_above as "countAbove"
from channels
where id = any ($1::text[]) and deleted_at is null
