-- Where equipment is, and what a building model calls things. Whatever was imported keeps its id in its source, so that the
-- same model again changes rows instead of making new ones.

create table location (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  site_id uuid not null references site,
  -- A room lies on a floor, a floor in a building.
  parent_id uuid references location,
  name text not null,
  class text,
  source text not null,
  external_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (site_id, source, external_id)
);
create index location_newest on location (tenant_id, created_at desc, id desc);

alter table asset
  add column location_id uuid references location,
  -- Words by which people and models group assets; overrides of rules may name one.
  add column tags text[] not null default '{}',
  add column source text,
  add column external_id text,
  add unique (site_id, source, external_id);
create index asset_tags on asset using gin (tags);

alter table point
  add column source text,
  add column external_id text,
  add unique (asset_id, source, external_id);

-- Null where a person or a program made the relation; an import takes back only what it has made itself.
alter table asset_relation add column source text;
create index asset_relation_to on asset_relation (to_asset_id);
