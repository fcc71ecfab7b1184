-- Equipment as people keep it: what it is, since when, what became of it and what it belongs to; places and sites likewise.

alter table asset
  add column description text not null default '',
  add column manufacturer text,
  add column model text,
  add column serial_number text,
  add column install_date date,
  add column warranty_until date,
  add column criticality text check (criticality in ('low', 'medium', 'high', 'critical')),
  -- What is printed on it.
  add column barcode text,
  add column custom jsonb not null default '{}' check (jsonb_typeof(custom) = 'object'),
  add column metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- What other programs of the tenant call it; external_id is what its building model calls it.
  add column own_external_id text,
  -- Properties of which its building model said nothing, so that a person did: the next import leaves them.
  add column said_by_people text[] not null default '{}',
  -- The row stands for a name alone that the asset it was merged into had before: devices may still send under it.
  add column is_former_name boolean not null default false check (not is_former_name or merged_into is not null);
create unique index asset_barcode on asset (tenant_id, barcode) where barcode is not null and merged_into is null;
create index asset_own_external_id on asset (tenant_id, own_external_id) where own_external_id is not null;
create index asset_parent on asset (parent_id) where parent_id is not null;
create index asset_place on asset (location_id) where location_id is not null;
create index asset_site on asset (tenant_id, site_id, created_at desc, id desc);

-- When an asset was in which state: what was down for how long is reckoned from it. Never changed, and kept as long as the asset.
create table asset_status_change (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  asset_id uuid not null references asset,
  from_status text not null check (from_status in ('operational', 'degraded', 'down', 'retired')),
  to_status text not null check (to_status in ('operational', 'degraded', 'down', 'retired')),
  reason text not null default '',
  author text not null check (btrim(author) <> ''),
  at timestamptz not null
);
create index asset_status_change_newest on asset_status_change (tenant_id, asset_id, at desc, id desc);

-- Lists of relations are paged as all lists are.
alter table asset_relation
  add column id uuid not null unique default gen_random_uuid(),
  add column created_at timestamptz not null default now();

-- What rules see of an asset makes them be bound anew; what else people write down about it does not.
create function note_asset_change() returns trigger language plpgsql as $$
begin
  insert into rule_shard_model (shard, version)
  select distinct moved.shard, 1
  from before join after using (id), unnest(array[before.shard, after.shard]) as moved (shard)
  where (after.tenant_id, after.site_id, after.shard, after.name, after.uri, after.class, after.params, after.tags, after.status,
      after.location_uri)
    is distinct from (before.tenant_id, before.site_id, before.shard, before.name, before.uri, before.class, before.params,
      before.tags, before.status, before.location_uri)
  order by 1
  on conflict (shard) do update set version = rule_shard_model.version + 1;
  return null;
end $$;
drop trigger asset_updated on asset;
create trigger asset_updated after update on asset referencing old table as before new table as after
  for each statement execute function note_asset_change();

alter table site
  -- {street, city, region, postal_code, country}
  add column address jsonb check (jsonb_typeof(address) = 'object'),
  add column latitude double precision check (latitude between -90 and 90),
  add column longitude double precision check (longitude between -180 and 180),
  add column access_notes text not null default '',
  -- {monday: [{from, to}], …} on the clock of the site; null where nobody has said
  add column opening_hours jsonb check (jsonb_typeof(opening_hours) = 'object'),
  -- The campus, or whatever else, that it is part of.
  add column parent_site_id uuid references site check (parent_site_id <> id),
  add column metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  add column external_id text,
  add check ((latitude is null) = (longitude is null));
create index site_newest on site (tenant_id, created_at desc, id desc);
create index site_parent on site (parent_site_id) where parent_site_id is not null;

alter table location
  -- Null for a place that a person has made.
  alter column source drop not null,
  alter column external_id drop not null,
  -- Null: what the model calls it, or else one that is made of its id.
  add column uri text,
  add column metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object');
create index location_parent on location (parent_id) where parent_id is not null;
create index location_site on location (tenant_id, site_id, created_at desc, id desc);

-- The service history of a piece of equipment asks for its work orders, newest first.
create index work_order_of_asset on work_order (tenant_id, asset_id, created_at desc, id desc) where asset_id is not null;
