-- How a tenant's own topics and payloads are read, beside those that every device may use.
create table topic_template (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  pattern text not null,
  -- The pattern with + for every level that is no text: two of one shape would match the same topics.
  shape text not null,
  enabled boolean not null,
  -- Site, asset, point, format and pointers, as the API takes them (src/ingest/templates/template.ts).
  definition jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, shape)
);
create index topic_template_newest on topic_template (tenant_id, created_at desc, id desc);

-- Every change of a tenant's templates counts it up, by which the processes that read messages see that there was one.
-- The change holds the row until it commits, so that two cannot pass a limit together.
alter table tenant add column topic_templates_version bigint not null default 0;

-- A device without a home is an asset of its own name, unless an older device has that name.
create index device_name on device (tenant_id, name, created_at, id);
