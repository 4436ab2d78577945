-- Gives a dead letter up, and has it recorded.
-- $1 number  $2 machine  $3 who gave the command there
select drop_dead_letter($1::bigint, $2::text, $3::text) as dropped
