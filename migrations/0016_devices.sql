-- Devices by API: where they belong, how they came, whether they are connected, and what became of their connections.
alter table device
  add column updated_at timestamptz not null default now(),
  -- Revoked and taken from every list; the row stays for its history, and its user name stays taken.
  add column deleted_at timestamptz check (deleted_at is null or revoked_at is not null),
  -- The site it belongs to, and the asset that its own telemetry (v1/devices/me/telemetry) is about; null means none.
  add column site_id uuid references site,
  add column asset_name text,
  add column protocol text not null default 'mqtt' check (protocol in ('mqtt', 'sparkplug_b', 'http')),
  -- What the device is called elsewhere: its serial number, say.
  add column external_id text,
  add column metadata jsonb not null default '{}',
  -- As of its last session anywhere; the events below tell the rest.
  add column connected_at timestamptz,
  add column disconnected_at timestamptz,
  add column disconnect_reason text,
  add column client_id text,
  add column address text,
  add column connects integer not null default 0;
create unique index device_external_id on device (tenant_id, external_id) where external_id is not null and revoked_at is null;
create index device_newest on device (tenant_id, created_at desc, id desc);

-- A process that lets devices in, and when it was last alive: the sessions of one that died are nobody's.
create table device_process (
  id uuid primary key,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now()
);

-- How many sessions a device has at a process; no row means none.
create table device_session (
  process_id uuid not null references device_process on delete cascade,
  device_id uuid not null references device,
  sessions integer not null check (sessions > 0),
  primary key (device_id, process_id)
);
create index device_session_process on device_session (process_id);

-- What became of a device's connections; at most some thousand a device, and a month.
create table device_event (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  device_id uuid not null references device,
  -- online and offline: its first session began, its last ended; the others are sessions beside another.
  type text not null check (type in ('device.online', 'device.offline', 'device.session_started', 'device.session_ended')),
  reason text not null,
  client_id text not null,
  address text,
  at timestamptz not null
);
create index device_event_newest on device_event (device_id, at desc, id desc);
create index device_event_at on device_event (at);

-- One-time tokens, by which a device that is not known yet gets credentials of its own.
create table device_token (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  -- The first characters, shown in lists; the token itself is kept only as a SHA-256.
  prefix text not null,
  token_sha256 bytea not null unique,
  site_id uuid references site,
  -- May hold {external_id} and {username}, which stand for those of the device.
  publish_grants text[] not null,
  subscribe_grants text[] not null,
  asset_name text,
  protocol text not null default 'mqtt' check (protocol in ('mqtt', 'sparkplug_b', 'http')),
  uses_max integer not null check (uses_max between 1 and 10000),
  uses integer not null default 0 check (uses between 0 and uses_max),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index device_token_newest on device_token (tenant_id, created_at desc, id desc);

alter table device
  -- The token it came by, and the SHA-256 of the Idempotency-Key it came with: its retry gets the same device.
  add column token_id uuid references device_token,
  add column provision_key_sha256 bytea;

-- Whoever changes what a device may do, tells every process that may have let it in, when the change commits.
create function tell_device_change() returns trigger language plpgsql as $$
begin
  perform pg_notify('faultline_device', new.id::text);
  return null;
end
$$;
create trigger device_changed after update on device for each row
  when (
    (old.username, old.password_argon2id, old.certificate_cn, old.publish_grants, old.subscribe_grants, old.site_id,
      old.asset_name, old.revoked_at)
    is distinct from
    (new.username, new.password_argon2id, new.certificate_cn, new.publish_grants, new.subscribe_grants, new.site_id,
      new.asset_name, new.revoked_at)
  )
  execute function tell_device_change();

-- Since when a point has been expected to report every so often: before that, nobody misses it.
alter table point add column expected_since timestamptz;
update point set expected_since = now() where expected_interval_ms is not null;
create function note_expectation() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' or new.expected_interval_ms is distinct from old.expected_interval_ms then
    new.expected_since := case when new.expected_interval_ms is not null then coalesce(new.expected_since, now()) end;
    if tg_op = 'UPDATE' and new.expected_interval_ms is not null and new.expected_since is not distinct from old.expected_since then
      new.expected_since := now();
    end if;
  end if;
  return new;
end
$$;
create trigger point_expectation before insert or update on point for each row execute function note_expectation();
