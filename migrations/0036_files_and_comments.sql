-- What belongs to a work order: what is said of it, files, photos, signatures, a checklist, and the time that it took.

-- A file's bytes lie on disk or in S3 under the id of its row; the row is there before them and goes after them:
--
--   coming ──with what it belongs to──▶ kept ──with that──▶ dropped ──bytes removed──▶ (no row)
--      └── refused, or two hours without a word ───────────────┘
create table file (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  state text not null default 'coming' check (state in ('coming', 'kept', 'dropped')),
  state_at timestamptz not null default now(),
  storage text not null check (storage in ('disk', 's3')),
  -- Which folder it is in, where it lies on disk: that of another machine is not ours to remove.
  holder_id uuid check ((holder_id is null) = (storage = 's3')),
  bytes bigint not null check (bytes >= 0),
  sha256 bytea not null,
  media_type text not null,
  created_at timestamptz not null default now()
);
create index file_tenant on file (tenant_id, created_at desc, id desc);
-- What the housekeeping looks for; nearly all files are kept, and not in it.
create index file_unsettled on file (state, state_at) where state <> 'kept';

create table comment (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  subject_kind text not null check (subject_kind in ('work_order', 'insight')),
  subject_id uuid not null,
  -- What it answers; of the same subject.
  parent_id uuid references comment,
  body text not null,
  -- Whom it names by @username.
  mentions uuid[] not null default '{}',
  created_by uuid references app_user,
  -- The key with which it was written; a key stays known after it was revoked.
  created_by_key uuid,
  edited_at timestamptz,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index comment_subject on comment (tenant_id, subject_kind, subject_id, created_at desc, id desc);
create index comment_parent on comment (parent_id) where parent_id is not null;

create table work_order_attachment (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  work_order_id uuid not null references work_order,
  file_id uuid not null unique references file,
  name text not null,
  created_by uuid references app_user,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index work_order_attachment_newest on work_order_attachment (tenant_id, work_order_id, created_at desc, id desc);

create table work_order_photo (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  work_order_id uuid not null references work_order,
  file_id uuid not null unique references file,
  thumbnail_id uuid not null unique references file,
  kind text not null check (kind in ('before', 'after', 'other')),
  name text not null,
  caption text not null default '',
  -- As it is seen, after the turn that its camera asks for.
  width integer not null check (width > 0),
  height integer not null check (height > 0),
  created_by uuid references app_user,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index work_order_photo_newest on work_order_photo (tenant_id, work_order_id, created_at desc, id desc);

create table work_order_signature (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  work_order_id uuid not null references work_order,
  file_id uuid not null unique references file,
  signer_name text not null,
  role text not null default '',
  signed_at timestamptz not null,
  -- What was signed, word for word, and its hash.
  document text not null,
  document_sha256 bytea not null,
  created_by uuid references app_user,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index work_order_signature_newest on work_order_signature (tenant_id, work_order_id, created_at desc, id desc);

create table work_order_task (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  work_order_id uuid not null references work_order,
  -- Its place in the checklist, from 1.
  position integer not null check (position > 0),
  title text not null,
  kind text not null check (kind in ('check', 'text', 'number', 'meter', 'choice')),
  required boolean not null default true,
  options text[] not null default '{}',
  unit text not null default '',
  min double precision,
  max double precision,
  -- Null until it is answered.
  value jsonb,
  note text not null default '',
  done_at timestamptz,
  done_by uuid references app_user,
  created_by uuid references app_user,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index work_order_task_place on work_order_task (tenant_id, work_order_id, position, id);

create table labor_entry (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  work_order_id uuid not null references work_order,
  user_id uuid not null references app_user,
  started_at timestamptz not null,
  -- Null while its timer runs.
  ended_at timestamptz check (ended_at >= started_at),
  minutes integer not null default 0 check (minutes >= 0),
  note text not null default '',
  created_by uuid references app_user,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index labor_entry_newest on labor_entry (tenant_id, work_order_id, created_at desc, id desc);
-- Nobody works in two places at once.
create unique index labor_entry_running on labor_entry (tenant_id, user_id) where ended_at is null;
