-- A message in quarantine may be replayed, after which it has another reason or is gone.
alter table quarantine
  add column updated_at timestamptz not null default now(),
  -- How often a replay left it where it is.
  add column replays integer not null default 0;
