-- What people have decided about rules, per tenant: other parameters or another severity, off, on trial, paused, everywhere or at a
-- site, on an asset, on assets with a tag. An override holds for ticks t with since_at <= t < until_at, event time, so that
-- a past that is evaluated again comes out as it did: what has begun to hold is never rewritten, but ended and followed.

create table rule_override (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  -- A rule's id, or * for all rules.
  rule_id text not null,
  site_id uuid references site,
  asset_id uuid references asset,
  tag text,
  params jsonb not null default '{}',
  severity text check (severity in ('critical', 'warning', 'info')),
  enabled text check (enabled in ('true', 'false', 'shadow', 'paused')),
  since_at timestamptz not null,
  until_at timestamptz,
  reason text not null check (btrim(reason) <> ''),
  author text not null check (btrim(author) <> ''),
  -- The override that took the place of this one, when a person changed it.
  replaced_by uuid references rule_override,
  -- When a person ended it; null for one that ends by itself or goes on.
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (until_at >= since_at)
);
create index rule_override_newest on rule_override (tenant_id, created_at desc, id desc);

-- An evaluation in memory is out of date for the shards whose assets an override may be about.
create function note_override_change() returns trigger language plpgsql as $$
begin
  insert into rule_shard_model (shard, version)
  select distinct asset.shard, 1
  from changed join asset on asset.tenant_id = changed.tenant_id
    and asset.id = coalesce(changed.asset_id, asset.id) and asset.site_id = coalesce(changed.site_id, asset.site_id)
  order by 1
  on conflict (shard) do update set version = rule_shard_model.version + 1;
  return null;
end $$;

create trigger override_inserted after insert on rule_override referencing new table as changed for each statement execute function note_override_change();
create trigger override_updated after update on rule_override referencing new table as changed for each statement execute function note_override_change();

-- Rules are active by the local time of their site, so its zone is part of the model.
create function note_zone_change() returns trigger language plpgsql as $$
begin
  insert into rule_shard_model (shard, version)
  select distinct after.shard, 1 from after join before using (id) where after.time_zone <> before.time_zone order by 1
  on conflict (shard) do update set version = rule_shard_model.version + 1;
  return null;
end $$;

create trigger site_updated after update on site referencing old table as before new table as after for each statement execute function note_zone_change();
