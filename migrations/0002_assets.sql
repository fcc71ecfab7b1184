-- The equipment and its points. A point's readings are stored under its series_id, four bytes instead of sixteen in
-- every row and in its index.

create table asset (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  site_id uuid not null references site,
  -- The segment that stands for it in a topic.
  name text not null,
  uri text not null,
  class text,
  parent_id uuid references asset,
  location_uri text not null default '',
  -- Parameters of the unit that override those of rules, such as its minimum outdoor-air damper position.
  params jsonb not null default '{}',
  state text not null default 'modelled' check (state in ('modelled', 'discovered')),
  status text not null default 'operational' check (status in ('operational', 'degraded', 'down', 'retired')),
  shard smallint not null check (shard between 0 and 63),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (site_id, name),
  unique (tenant_id, uri)
);
create index asset_shard on asset (shard);

-- from feeds to (an air handler feeds a terminal), or from isPartOf to.
create table asset_relation (
  tenant_id uuid not null references tenant,
  from_asset_id uuid not null references asset,
  kind text not null check (kind in ('feeds', 'isPartOf')),
  to_asset_id uuid not null references asset,
  primary key (from_asset_id, kind, to_asset_id)
);

create table point (
  id uuid primary key,
  series_id integer generated always as identity unique,
  tenant_id uuid not null references tenant,
  asset_id uuid not null references asset,
  name text not null,
  class text,
  -- The part of the asset that it belongs to, where the class alone does not tell (a Cooling_Coil, say).
  part_of text,
  unit text,
  -- Texts that a device sends for a state, and the number each stands for.
  states jsonb,
  expected_interval_ms integer check (expected_interval_ms > 0),
  state text not null default 'modelled' check (state in ('modelled', 'discovered')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (asset_id, name)
);
