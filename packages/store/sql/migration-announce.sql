-- Names the migration that comes next, for the statement that records it.
-- $1 name  $2 checksum
select set_config('rookery.migration', $1::text, false), set_config('rookery.checksum', $2::text, false)
