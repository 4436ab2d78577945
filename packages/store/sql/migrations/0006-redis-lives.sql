-- Which Redis is drained into this Postgres, so that a second one is noticed: both would number the same channels.
-- The cluster's id is no migration's: it stands in cluster_settings from the first start on, as in Redis.

create table redis_lives (
  life text primary key,
  beats bigint not null,
  since bigint not null,
  beat_at bigint not null
) with (fillfactor = 50);
comment on table redis_lives is 'Each Redis that persisters drain into this Postgres, as long as they say so.';
comment on column redis_lives.life is 'Stands in that Redis too, and is new whenever a Redis was found empty.';
comment on column redis_lives.beats is 'Grows while a persister drains it.';
comment on column redis_lives.since is 'When it was first told of without a pause since, ms since 1970.';
comment on column redis_lives.beat_at is 'When it was last told of, ms since 1970; ten seconds later it counts no more.';
