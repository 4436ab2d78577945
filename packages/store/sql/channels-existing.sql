-- Which of these channels are there.
-- $1 ids
select id from channels where id = any ($1::text[])
