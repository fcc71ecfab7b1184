-- The rule files that ran and run. A version is immutable and holds the texts of its files, so that any process can build it;
-- the newest deployment says which one shards are to run. A shard changes over in its own transaction, at a tick.

create table rule_set (
  hash text primary key,
  time_scale integer not null,
  -- [{file, text}], file relative to the folder of the rules.
  texts jsonb not null,
  created_at timestamptz not null default now()
);

create table rule_deployment (
  id bigint generated always as identity primary key,
  hash text not null references rule_set,
  -- What is wrong with files as they lie on disk now; those that are wrong run on as they were before.
  errors jsonb not null default '[]',
  deployed_at timestamptz not null default now()
);

-- The version that evaluated the ticks after tick_at; late readings are evaluated by the version of their time.
create table rule_shard_version (
  shard smallint not null,
  tick_at timestamptz not null,
  hash text not null references rule_set,
  primary key (shard, tick_at)
);

alter table rule_shard add column rule_set_hash text references rule_set;
