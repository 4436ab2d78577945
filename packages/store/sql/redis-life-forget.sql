-- A Redis that lost its data goes on under another life: the one before is over.
-- $1 the life that is over
delete from redis_lives where life = $1
