-- What the intake writes beside the readings. The table reading itself is made by the storage engine (src/telemetry),
-- a hypertable where TimescaleDB is there and native partitions where it is not.

-- One row per commit that held a reading older than the grace, so that a shard which has already closed the tick finds it
-- by the snapshot of its own read, not by a guess at how long a commit may take.
create table ingest_batch (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  asset_ids uuid[] not null,
  least_times timestamptz[] not null,
  shards smallint[] not null,
  created_at timestamptz not null default now()
);
create index ingest_batch_xid on ingest_batch (xid);

create table quarantine (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  device_id uuid references device,
  reason text not null,
  detail text not null,
  topic text not null,
  payload bytea not null,
  payload_truncated boolean not null default false,
  received_at timestamptz not null
);
create index quarantine_newest on quarantine (tenant_id, received_at desc, id desc);
