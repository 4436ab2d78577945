-- The order of a channel's settings: whoever brings them to Redis says how old they are, and the higher number is in force.

alter table channels add column settings_version bigint not null default 0;
comment on column channels.settings_version is
  'Grows with every change of the channel; 0 while nothing but the defaults was ever in force.';

-- A row that was given settings of its own before they were counted.
update channels set settings_version = 1 where digest_above is not null or count_above is not null;
