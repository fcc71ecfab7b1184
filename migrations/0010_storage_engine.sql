-- How this database stores readings: chosen once, when the table reading is made, and never changed silently.
create table storage_engine (
  -- At most one row.
  is_only boolean primary key default true check (is_only),
  kind text not null check (kind in ('hypertable', 'partitions')),
  chosen_at timestamptz not null default now()
);
