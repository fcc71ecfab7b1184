create table work_order (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  site_id uuid not null references site,
  number integer not null,
  title text not null,
  description text not null default '',
  status text not null default 'open'
    check (status in ('open', 'in_progress', 'on_hold', 'completed', 'skipped', 'cancelled')),
  priority text not null check (priority in ('none', 'low', 'medium', 'high', 'critical')),
  type text not null check (type in ('reactive', 'corrective', 'preventive', 'inspection', 'emergency')),
  category text not null default '',
  asset_id uuid references asset,
  equipment_uri text not null default '',
  location_uri text not null default '',
  created_by uuid references app_user,
  assigned_to uuid references app_user,
  -- A team or role that a rule names; a person is assigned_to.
  assigned_team text,
  requester_name text not null default '',
  requester_email text not null default '',
  -- As it was given (a date or an instant), and the instant by which it is compared.
  due_date text,
  due_at timestamptz,
  insight_id uuid references insight,
  parent_id uuid references work_order,
  source text not null default 'api' check (source in ('api', 'rule')),
  started_at timestamptz,
  completed_at timestamptz,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (tenant_id, number)
);
create index work_order_newest on work_order (tenant_id, created_at desc, id desc);
create index work_order_insight on work_order (insight_id);
-- One insight opens one work order by rule, whatever happens around it.
create unique index work_order_rule_insight on work_order (insight_id) where source = 'rule';

-- The next number of a tenant's work orders; the row is the lock that keeps them gapless.
create table work_order_counter (
  tenant_id uuid primary key references tenant,
  last_number integer not null
);

-- The first answer to a POST that carried an Idempotency-Key, kept 24 hours.
create table idempotency_key (
  tenant_id uuid not null references tenant,
  key text not null,
  method text not null,
  path text not null,
  request_sha256 bytea not null,
  -- Null while the first request is still running.
  status smallint,
  headers jsonb,
  body text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, key, method, path)
);
create index idempotency_key_age on idempotency_key (created_at);
