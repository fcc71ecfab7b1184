-- What an insight's evidence is made of, recorded with the insight, so that the series behind it can be found again when the model,
-- the rules or the overrides are others: its episodes, which point served which input, and the readings themselves once
-- retention has taken them.

create table insight_episode (
  insight_id uuid not null references insight on delete cascade,
  -- The tick at which this episode opened the insight, or opened it again.
  opened_at timestamptz not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  rule_version integer not null,
  -- How much before its start and after its end the rule shows, in milliseconds of the clock.
  before_ms double precision not null,
  after_ms double precision not null,
  -- [{since, values: [{name, value, unit}]}]: the rule's parameters there, in the order of the times from which they held.
  limits jsonb not null default '[]',
  primary key (insight_id, opened_at)
);
insert into insight_episode (insight_id, opened_at, started_at, ended_at, rule_version, before_ms, after_ms)
select id, opened_at, started_at, resolved_at, rule_version, 3600000, 1800000 from insight;

-- The newest row of a name says what serves the input now; an older one did so until the next.
create table insight_input (
  insight_id uuid not null references insight on delete cascade,
  name text not null,
  since_at timestamptz not null,
  place smallint not null,
  is_shown boolean not null,
  -- The derived value that it serves.
  needed_by text,
  kind text not null check (kind in ('point', 'derived', 'default')),
  type text not null check (type in ('number', 'truth')),
  -- The unit in which the rule takes it.
  unit text,
  default_value double precision,
  -- No foreign keys: a point that is gone, or merged into another, leaves its evidence.
  point_id uuid,
  series_id integer,
  point_unit text,
  primary key (insight_id, name, since_at)
);
create index insight_input_series on insight_input (series_id);

-- Readings that retention has dropped, a row for each day, and one more where others of that day were dropped later: times as the milliseconds since the one before, values in the unit that the
-- point had then. PostgreSQL compresses the arrays.
create table insight_reading (
  insight_id uuid not null references insight on delete cascade,
  series_id integer not null,
  from_at timestamptz not null,
  through_at timestamptz not null,
  unit text,
  first_at timestamptz not null,
  gaps_ms integer[] not null,
  values double precision[] not null,
  -- Null where all are good.
  qualities smallint[],
  -- Of more readings than are kept, the first, the last, the least and the greatest of each step; null where all are there.
  step_ms integer,
  primary key (insight_id, series_id, from_at, first_at)
);
