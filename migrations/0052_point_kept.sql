-- What programs keep with a point.

alter table point
  add column metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- What other programs of the tenant call it; external_id is what its building model calls it.
  add column own_external_id text;
create index point_own_external_id on point (tenant_id, own_external_id) where own_external_id is not null;
