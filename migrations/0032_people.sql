-- People log in: how they prove who they are, what they may reach, and what of all this was changed by whom.

alter table app_user
  add column name text not null default '',
  -- Null: nobody logs in as this person.
  add column password_argon2id text,
  -- Null means every site of the tenant.
  add column site_ids uuid[],
  add column phone text,
  add column locale text,
  add column skills text[] not null default '{}',
  add column external_id text,
  add column metadata jsonb not null default '{}',
  add column last_login_at timestamptz,
  -- Gone from every list; work orders go on naming the person.
  add column deleted_at timestamptz,
  add column updated_at timestamptz;
update app_user set updated_at = created_at;
alter table app_user
  alter column updated_at set default now(),
  alter column updated_at set not null,
  drop constraint app_user_tenant_id_username_key;
create unique index app_user_username on app_user (tenant_id, lower(username)) where deleted_at is null;
create unique index app_user_email on app_user (tenant_id, lower(email)) where deleted_at is null;
create unique index app_user_external_id on app_user (tenant_id, external_id) where deleted_at is null;
create index app_user_newest on app_user (tenant_id, created_at desc, id desc);
-- Who logs in does not always say of which tenant.
create index app_user_log_in_username on app_user (lower(username)) where password_argon2id is not null;
create index app_user_log_in_email on app_user (lower(email)) where password_argon2id is not null;

alter table tenant
  -- A language tag of BCP 47.
  add column locale text not null default 'en',
  add column updated_at timestamptz;
update tenant set updated_at = created_at;
alter table tenant alter column updated_at set default now(), alter column updated_at set not null;

-- A link by which a person who was invited chooses a password, once.
create table user_invite (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  user_id uuid not null references app_user,
  token_sha256 bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  -- Another invitation has taken its place, or the person was deactivated.
  revoked_at timestamptz
);
create index user_invite_user on user_invite (tenant_id, user_id);

-- One log-in of a person: the family of the refresh tokens that follow one another.
create table session (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  user_id uuid not null references app_user,
  address text not null,
  user_agent text not null,
  created_at timestamptz not null default now(),
  -- Moved on by each refresh.
  expires_at timestamptz not null,
  ended_at timestamptz,
  ended_because text check (ended_because in ('logged_out', 'token_reused', 'password_changed', 'deactivated')),
  check ((ended_at is null) = (ended_because is null))
);
create index session_of_user on session (tenant_id, user_id);
create index session_expiry on session (expires_at);

-- Each may be used once; that a used one comes again is how a theft is noticed, so used ones stay as long as their session.
create table refresh_token (
  token_sha256 bytea primary key,
  tenant_id uuid not null references tenant,
  session_id uuid not null references session on delete cascade,
  created_at timestamptz not null default now(),
  used_at timestamptz,
  -- The Idempotency-Key under which it was used: with it a lost answer may be asked for again.
  used_with_sha256 bytea
);
create index refresh_token_session on refresh_token (tenant_id, session_id);
-- A session has one token that may be used.
create unique index refresh_token_unused on refresh_token (session_id) where used_at is null;

-- The keys of the whole installation by which access tokens are signed; the newest signs.
create table signing_key (
  id uuid primary key,
  public_jwk jsonb not null,
  private_sealed bytea not null,
  created_at timestamptz not null
);

-- Every change of who may do what, and every log-in that was refused: written with the change, never changed itself.
create table audit_entry (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  at timestamptz not null,
  action text not null check (action ~ '^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  -- {kind: user | key | system | anonymous, id, name}
  actor jsonb not null check (actor ? 'kind'),
  subject_kind text not null,
  subject_id text not null,
  subject_name text not null default '',
  -- What differs, before and after; null where there was nothing before, or is nothing after.
  before jsonb,
  after jsonb,
  -- Where the request came from; null for what was done at the machine itself.
  address text,
  request_id text
);
create index audit_entry_newest on audit_entry (tenant_id, at desc, id desc);
create index audit_entry_subject on audit_entry (tenant_id, subject_id, at desc);

-- Refused log-ins can be many, so they are kept for a while; of everything else nothing goes.
create function keep_audit_entry() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and old.action = 'session.refused' then
    return old;
  end if;
  raise exception 'the audit log is only ever added to';
end $$;
create trigger audit_entry_kept before update or delete on audit_entry
  for each row execute function keep_audit_entry();
