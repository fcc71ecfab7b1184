-- OPC-UA: the servers that this program is a client of, what it reads there, and what it could not read.

-- Who we are to every server: one application instance certificate for the whole installation.
create table opcua_application (
  id boolean primary key default true check (id),
  application_uri text not null,
  certificate_der bytea not null,
  -- PKCS #8, sealed with SECRET.
  private_key_sealed bytea not null,
  created_at timestamptz not null default now()
);

create table opcua_connection (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  -- The site of its points, unless a mapping names another.
  site_id uuid not null references site,
  -- On whose behalf its readings come in: no password and no certificate, so nobody else can be it.
  device_id uuid not null references device,
  name text not null,
  source text not null default 'api' check (source in ('api', 'file')),
  endpoint_url text not null,
  security_mode text not null check (security_mode in ('none', 'sign', 'sign_and_encrypt')),
  security_policy text not null check (security_policy in ('none', 'basic256sha256', 'aes128_sha256_rsaoaep', 'aes256_sha256_rsapss')),
  identity text not null check (identity in ('anonymous', 'username', 'certificate')),
  username text,
  -- The password, or the certificate and its private key, sealed with SECRET.
  secret_sealed bytea,
  -- The SHA-256 of the certificate, in hex.
  certificate_fingerprint text,
  publishing_interval_ms integer not null,
  sampling_interval_ms integer not null,
  -- The longest outage after which nothing may be missing: the server's queues are asked to be as long.
  bridge_ms integer not null,
  history text not null check (history in ('auto', 'off')),
  is_enabled boolean not null default true,
  -- The nodes that may be written to, as their keys; none means that nothing may.
  writable_nodes text[] not null default '{}',
  -- Rises with every change of what is above, of the mapping and of the items.
  version integer not null default 1,
  -- Rises when its session has to be made anew, though nothing of what is above has changed: a certificate is not trusted any more.
  epoch integer not null default 1,
  -- The id of the next item: none is used twice, also after its item was deleted.
  next_item_id integer not null default 1,
  -- When its server's address space was looked at last.
  discovered_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  -- What the process that reads it says.
  state text not null default 'connecting' check (state in ('disabled', 'connecting', 'connected', 'degraded', 'failing')),
  reason text,
  detail text,
  state_since timestamptz not null default now(),
  -- Its product, clock, namespaces and limits, as it says itself.
  server jsonb,
  -- Everything that the server sent before this instant is committed.
  committed_through timestamptz,
  last_value_at timestamptz,
  -- What is needed to take over its session and its subscriptions after a restart, sealed: a session's token is a secret.
  resume_sealed bytea,
  unique (tenant_id, name)
);
create index opcua_connection_site on opcua_connection (site_id);
create index opcua_connection_device on opcua_connection (device_id);

-- What is read: one value of one node, and the point that it is.
create table opcua_item (
  connection_id uuid not null references opcua_connection on delete cascade,
  -- Never used again within its connection: messages on the disk name it.
  id integer not null,
  tenant_id uuid not null references tenant,
  -- `nsu=<namespace URI>;<i, s, g or b>=<identifier>`, and `i=<identifier>` in the namespace of OPC-UA itself.
  node text not null,
  -- Which part of the value: '' for all of it, `[3]`, `Inlet.Temperature`.
  field text not null default '',
  site_id uuid not null references site,
  asset text not null,
  point text not null,
  sampling_interval_ms integer,
  deadband_kind text not null default 'none' check (deadband_kind in ('none', 'absolute', 'percent')),
  deadband double precision not null default 0,

  state text not null default 'new' check (state in ('new', 'monitored', 'polled', 'failing', 'gone')),
  -- The name of the StatusCode that the server answered with.
  status text,
  detail text,
  state_since timestamptz not null default now(),
  data_type text,
  revised_sampling_ms double precision,
  -- How long an outage the server's own queue bridges, as it has revised it.
  revised_bridge_ms double precision,
  primary key (connection_id, id),
  unique (connection_id, node, field),
  -- Two of one point would mix their readings; deferrable, so that one statement may exchange the points of two items.
  unique (connection_id, site_id, asset, point) deferrable
);
create index opcua_item_site on opcua_item (site_id);

-- Where samples are missing or may be: of one item, or, where item_id is null, of all of a connection.
create table opcua_gap (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  connection_id uuid not null references opcua_connection on delete cascade,
  item_id integer,
  from_at timestamptz not null,
  -- Null as long as it lasts.
  to_at timestamptz,
  reason text not null check (reason in ('program_stopped', 'link_lost', 'server_restarted', 'overflow', 'not_kept', 'refused')),
  -- open: it lasts, or history is still to be asked; filled: history gave all; partly, lost: it did not.
  state text not null default 'open' check (state in ('open', 'filling', 'filled', 'partly', 'lost')),
  detail text,
  items_filled integer not null default 0,
  items_lost integer not null default 0,
  readings_found integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index opcua_gap_newest on opcua_gap (connection_id, from_at desc, id desc);
create index opcua_gap_open on opcua_gap (connection_id) where state in ('open', 'filling');

-- Certificates of servers: never trusted by themselves.
create table opcua_certificate (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  -- SHA-256 of the DER form, in hex.
  fingerprint text not null,
  certificate_der bytea not null,
  state text not null check (state in ('rejected', 'trusted')),
  -- Where it was seen last, and why it was not accepted there; null where a person gave it and no server has shown it yet.
  endpoint_url text,
  reason text,
  seen_at timestamptz,
  decided_at timestamptz,
  -- The API key that decided.
  decided_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, fingerprint)
);

-- What the last look at a server's address space has found.
create table opcua_node (
  id bigint generated always as identity unique,
  connection_id uuid not null references opcua_connection on delete cascade,
  node text not null,
  field text not null default '',
  browse_path text not null,
  data_type text,
  unit text,
  range_low double precision,
  range_high double precision,
  description text,
  is_readable boolean not null default true,
  has_history boolean not null default false,
  -- The first look that found it, or found it again.
  found_at timestamptz not null default now(),
  -- The first look that did not find it any more.
  gone_at timestamptz,
  primary key (connection_id, node, field)
);

-- From browse paths to points: an ordered list of rules, see discovery/mapping.ts.
create table opcua_mapping (
  connection_id uuid primary key references opcua_connection on delete cascade,
  rules jsonb not null,
  updated_at timestamptz not null default now()
);

-- Every try to write to a server, noted before it is made; it outlives its connection.
create table opcua_write (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  connection_id uuid not null,
  node text not null,
  value jsonb not null,
  previous jsonb,
  -- asked: it was about to be made, and nobody knows what came of it.
  state text not null default 'asked' check (state in ('asked', 'written', 'refused')),
  -- The name of the StatusCode that the server answered with.
  status text,
  detail text,
  -- The API key that asked.
  written_by uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index opcua_write_newest on opcua_write (connection_id, created_at desc, id desc);

-- A connection's device speaks OPC-UA and nothing else.
alter table device drop constraint device_protocol_check;
alter table device add constraint device_protocol_check check (protocol in ('mqtt', 'sparkplug_b', 'http', 'opcua'));
