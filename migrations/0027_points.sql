-- What people say of points, what is put right in their readings, and points and assets that turned out to be one.

alter table point
  -- Between which values it makes sense, in its own unit.
  add column range_min double precision,
  add column range_max double precision check (range_max > range_min),
  add column tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  -- The point that it turned out to be. The row stays for its names: what comes under them is a reading of that point.
  add column merged_into uuid references point check (merged_into <> id),
  -- Turns what comes under its names into the unit of that point; null where the two are the same.
  add column merge_scale double precision,
  add column merge_offset double precision,
  add column merge_steps double precision;
create index point_tags on point using gin (tags);
create index point_merged on point (merged_into) where merged_into is not null;

alter table asset
  -- The asset that it turned out to be. The row stays for its name.
  add column merged_into uuid references asset check (merged_into <> id);
create index asset_merged on asset (merged_into) where merged_into is not null;

-- How often a point reports, as its readings say: beside the point, since a change of that one makes rules be bound again.
create table point_interval (
  point_id uuid primary key references point on delete cascade,
  -- Null where the readings come too seldom or too unevenly to tell.
  learned_ms integer check (learned_ms > 0),
  learned_at timestamptz,
  looked_at timestamptz not null
);
create index point_interval_looked on point_interval (looked_at);

-- Readings that somebody has put right, and what was done because the unit or the states of a point changed.
create table point_correction (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  point_id uuid not null references point,
  action text not null check (action in ('readings', 'span', 'convert', 'relabel', 'revert')),
  -- As it was asked for.
  request jsonb not null,
  reason text not null check (btrim(reason) <> ''),
  author text not null check (btrim(author) <> ''),
  -- The first and the last reading that it changed; null when it changed none.
  first_at timestamptz,
  last_at timestamptz,
  changed integer not null default 0,
  removed integer not null default 0,
  -- The correction that this one takes back.
  reverts uuid unique references point_correction,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index point_correction_newest on point_correction (point_id, created_at desc, id desc);

-- Its readings before and after, some thousand a row; a quality of null after it means removed.
create table point_correction_part (
  correction_id uuid not null references point_correction on delete cascade,
  first_at timestamptz not null,
  times timestamptz[] not null,
  values_before double precision[] not null,
  qualities_before smallint[] not null,
  values_after double precision[] not null,
  qualities_after smallint[] not null,
  primary key (correction_id, first_at)
);

-- Points that became one with another, and how far their readings have moved.
create table point_merge (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  source_point_id uuid not null unique references point,
  target_point_id uuid not null references point,
  -- moving: readings are left, or may come in still from whoever has not heard of it.
  state text not null check (state in ('moving', 'done')),
  reason text not null,
  author text not null check (btrim(author) <> ''),
  moved bigint not null default 0,
  -- Readings of an instant at which the target had the same, or another, which stays.
  duplicates bigint not null default 0,
  conflicts bigint not null default 0,
  -- Buckets of roll-ups whose readings are not kept any more.
  moved_buckets bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz
);
create index point_merge_newest on point_merge (tenant_id, created_at desc, id desc);
create index point_merge_moving on point_merge (created_at) where state = 'moving';

-- What the target had at the instants of conflict, and what the source said.
create table point_merge_conflict (
  merge_id uuid not null references point_merge on delete cascade,
  step integer not null,
  times timestamptz[] not null,
  values_kept double precision[] not null,
  qualities_kept smallint[] not null,
  values_dropped double precision[] not null,
  qualities_dropped smallint[] not null,
  primary key (merge_id, step)
);
