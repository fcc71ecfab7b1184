-- What has happened to the things of a tenant: one row a change, written in the transaction that makes it, never changed
-- and kept 90 days, whatever becomes of its things: it has no foreign keys. Timelines, the live stream and whatever else
-- follows what happens are read from it.

create table event (
  -- In the order of writing; of two transactions the later may have the lower ones, so who follows goes by xid.
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  tenant_id uuid not null,
  -- Null where the thing belongs to no site.
  site_id uuid,
  type text not null check (type ~ '^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  -- What it is about: insight, work_order, device, and its id.
  subject_kind text not null check (subject_kind ~ '^[a-z]+(_[a-z]+)*$'),
  subject_id text not null,
  -- The equipment that it is about, where it is about one.
  asset_id uuid,
  -- Who did it: {kind: key | rule | device | system, id, …}.
  actor jsonb not null check (actor ? 'kind'),
  -- [{field, from, to}]
  changes jsonb not null default '[]' check (jsonb_typeof(changes) = 'array'),
  -- What the subject was after it, in short.
  data jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
  at timestamptz not null default now()
);
create index event_xid on event (xid);
create index event_newest on event (tenant_id, id desc);
create index event_subject on event (subject_kind, subject_id, id desc);
-- Old ones are deleted; they lie in the order of time.
create index event_at on event using brin (at) with (autosummarize = on);

-- Who follows readings asks twice a second for what came late since.
create index rollup_touched_xid on rollup_touched (xid);
