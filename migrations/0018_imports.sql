-- Files of readings that somebody sends, and how far each has come.
create table telemetry_import (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  site_id uuid not null references site,
  -- The installation that has the file on its disk.
  holder_id uuid not null,
  state text not null check (state in ('receiving', 'running', 'done', 'failed', 'cancelled')),
  file_name text,
  -- The column map as it was given, and the asset that the request named, if it did.
  columns text not null,
  asset text,
  -- Of the file, as far as it has come; and how far it is read and committed.
  bytes bigint not null default 0,
  bytes_read bigint not null default 0,
  rows_read bigint not null default 0,
  stored bigint not null default 0,
  duplicates bigint not null default 0,
  conflicts bigint not null default 0,
  refused bigint not null default 0,
  -- The first refusals, each with its line; and why the whole failed.
  errors jsonb not null default '[]',
  failure text,
  -- Where to go on after a restart: the line, and the last time of each asset, which tells local times apart that come twice.
  resume_from jsonb not null default '{"line": 1, "lastTimes": {}}',
  -- How long it has been running, without the time that the program was away.
  running_ms bigint not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  updated_at timestamptz not null default now()
);
create index telemetry_import_newest on telemetry_import (tenant_id, created_at desc, id desc);
create index telemetry_import_open on telemetry_import (holder_id) where state in ('receiving', 'running');

-- Rows may name a point by what its model calls it.
create index point_external_id on point (tenant_id, external_id) where external_id is not null;
