-- How long telemetry is kept where that differs from the settings of the installation, and what has been dropped.

-- A policy is for the points of one site or of all, and of one class (with its subclasses) or of all. Days, or null where it
-- says nothing of that table; 0 stands for ever.
create table retention_policy (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  site_id uuid references site,
  class text,
  raw_days integer check (raw_days >= 0),
  rollup_1m_days integer check (rollup_1m_days >= 0),
  rollup_15m_days integer check (rollup_15m_days >= 0),
  rollup_1h_days integer check (rollup_1h_days >= 0),
  note text not null default '',
  changed_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (num_nonnulls(raw_days, rollup_1m_days, rollup_15m_days, rollup_1h_days) > 0),
  unique nulls not distinct (tenant_id, site_id, class)
);

-- Before which midnight (UTC) the rows of a table have been dropped, written in the transaction that drops them. Series 0
-- stands for every series; another one's is the later of the two. What comes into such a past later is not rolled up again:
-- the roll-ups hold what the readings said that are gone.
create table retention_horizon (
  time_table text not null,
  series_id integer not null,
  before timestamptz not null,
  primary key (time_table, series_id)
);

-- When a piece of the tables of telemetry was made: retention counts from then where that is later than the times in it, so
-- that what is imported of old years is not dropped at once. Native partitions are recorded here as they are made; of chunks
-- TimescaleDB knows it, but for those that were moved from native partitions. A piece of which nothing is known counts as old.
create table storage_piece (
  name text primary key,
  made_at timestamptz not null default now()
);

-- Since when something of a table that is due, of what is kept for some days, is held back by an earlier piece that was made later:
-- that lasts as long as those days at most, whatever old times readings still come with meanwhile.
create table retention_wait (
  time_table text not null,
  kept_days integer not null,
  since timestamptz not null,
  primary key (time_table, kept_days)
);

-- Partitions of whole years were made for readings that were old when they came; when, nobody has recorded.
insert into storage_piece (name)
select c.oid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = to_regclass('reading') and c.relname ~ '^reading_\d{4}$';

-- Where the engine is being changed: to which, since when. The program does not start meanwhile.
alter table storage_engine
  add column moving_to text check (moving_to in ('hypertable', 'partitions')),
  add column moving_since timestamptz;

-- How far each table has been copied to the other engine.
create table storage_move (
  time_table text not null,
  from_time timestamptz not null,
  to_time timestamptz not null,
  rows bigint not null,
  checksum numeric not null,
  primary key (time_table, from_time)
);

-- Stands before every write to the tables of telemetry while they are copied.
create function refuse_while_moving() returns trigger language plpgsql as $$
begin
  raise exception 'telemetry is being moved to another storage engine and takes no writes' using errcode = '55006';
end
$$;
