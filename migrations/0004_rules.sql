-- Where the evaluation of rules stands. One row per shard is the lock, the clock and the fence: whoever advances a shard
-- holds its row, and saves tick, snapshot and the changed machines in the transaction that writes the insights.

create table rule_shard (
  shard smallint primary key check (shard between 0 and 63),
  -- The last closed tick that was evaluated; null until the shard is first advanced.
  tick_at timestamptz,
  -- pg_current_snapshot() of the statement that read the readings of that tick.
  snapshot pg_snapshot
);

-- The machine of a rule on an asset, as it was after each tick that changed more than its clocks; the newest row is the
-- present one, and there the clocks are kept up to date. A late reading sets the clock back to one of these rows.
create table rule_machine (
  asset_id uuid not null references asset,
  rule_id text not null,
  tick_at timestamptz not null,
  shard smallint not null,
  machine jsonb not null,
  clock_ms double precision not null,
  gap_ms double precision not null,
  primary key (asset_id, rule_id, tick_at)
);
create index rule_machine_shard on rule_machine (shard);

-- Counts the changes of a shard's assets, points and relations, so that an evaluation in memory knows when it is out of date.
create table rule_shard_model (
  shard smallint primary key,
  version bigint not null
);

create function note_model_change() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'asset' then
    insert into rule_shard_model (shard, version)
    select distinct shard, 1 from changed order by shard
    on conflict (shard) do update set version = rule_shard_model.version + 1;
  elsif tg_table_name = 'point' then
    insert into rule_shard_model (shard, version)
    select distinct asset.shard, 1 from changed join asset on asset.id = changed.asset_id order by 1
    on conflict (shard) do update set version = rule_shard_model.version + 1;
  else
    insert into rule_shard_model (shard, version)
    select distinct asset.shard, 1 from changed join asset on asset.id = changed.to_asset_id order by 1
    on conflict (shard) do update set version = rule_shard_model.version + 1;
  end if;
  return null;
end $$;

create trigger asset_inserted after insert on asset referencing new table as changed for each statement execute function note_model_change();
create trigger asset_updated after update on asset referencing new table as changed for each statement execute function note_model_change();
create trigger point_inserted after insert on point referencing new table as changed for each statement execute function note_model_change();
create trigger point_updated after update on point referencing new table as changed for each statement execute function note_model_change();
create trigger relation_inserted after insert on asset_relation referencing new table as changed for each statement execute function note_model_change();
create trigger relation_deleted after delete on asset_relation referencing old table as changed for each statement execute function note_model_change();
