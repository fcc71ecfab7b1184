-- An insight is an episode of a rule on an asset that people can see. (rule, asset, opened_at) is its identity.

create table insight (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  site_id uuid not null references site,
  asset_id uuid not null references asset,
  rule_id text not null,
  rule_version integer not null,
  title text not null,
  message text not null,
  severity text not null check (severity in ('critical', 'warning', 'info')),
  category text not null check (category in ('fault', 'comfort', 'energy', 'maintenance')),
  status text not null default 'open' check (status in ('open', 'in_progress', 'resolved', 'dismissed', 'snoozed')),
  -- The rule whose insight explains this one; while it stands, no work order is opened.
  suppressed_by text,
  data_stale boolean not null default false,
  shadow boolean not null default false,
  flapping boolean not null default false,
  started_at timestamptz not null,
  opened_at timestamptz not null,
  resolved_at timestamptz,
  -- Late readings showed that it never was: it is resolved, and says so.
  withdrawn_at timestamptz,
  episodes integer not null default 1,
  evidence jsonb not null default '{}',
  causes text[] not null default '{}',
  actions text[] not null default '{}',
  cost_per_hour double precision,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (rule_id, asset_id, opened_at)
);
create index insight_newest on insight (tenant_id, created_at desc, id desc);
create index insight_asset on insight (asset_id);
