-- Who owns what: a tenant has sites, people, API keys and devices. Every table below carries tenant_id, and every
-- statement names it.

create table tenant (
  id uuid primary key,
  name text not null,
  plan text not null default 'pro' check (plan in ('free', 'pro')),
  time_zone text not null default 'UTC',
  livemode boolean not null default true,
  created_at timestamptz not null default now()
);

create table site (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null,
  time_zone text not null default 'UTC',
  -- With discovery on, a reading of an unknown asset or point creates it; off, the message goes to quarantine.
  discovery boolean not null default false,
  -- The unit of rule evaluation: all assets of a site lie in one of 64 shards.
  shard smallint not null check (shard between 0 and 63),
  created_at timestamptz not null default now(),
  unique (tenant_id, slug)
);

alter table tenant add column default_site_id uuid references site;

create table app_user (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  username text not null,
  email text not null,
  role text not null check (role in ('admin', 'manager', 'technician', 'viewer')),
  active boolean not null default true,
  created_at timestamptz not null default now(),
  unique (tenant_id, username)
);

create table api_key (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  -- The first characters, shown in lists; the secret itself is kept only as a SHA-256 (it has 256 bits of its own).
  prefix text not null,
  secret_sha256 bytea not null unique,
  scopes text[] not null,
  -- Null means every site of the tenant.
  site_ids uuid[],
  created_by uuid references app_user,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now()
);

create table device (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  -- An MQTT user name decides the tenant, so it is unique in the whole installation.
  username text not null unique,
  password_argon2id text not null,
  -- Topic filters under which the device may publish; none means nothing.
  publish_grants text[] not null default '{}',
  revoked_at timestamptz,
  last_seen_at timestamptz,
  created_at timestamptz not null default now()
);
