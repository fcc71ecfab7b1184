-- How far readings have been rolled up, and what has changed since in the part that was.

-- One row. Every minute that ends at or before settled_through is rolled up, but for what is touched or dirty below. What is
-- announced follows as soon as no transaction is left that had begun to write before.
create table rollup_progress (
  is_only boolean primary key default true check (is_only),
  settled_through timestamptz not null,
  announced_through timestamptz not null,
  announced_xid xid8 not null
);

-- What was written later than a few minutes after its time, changed or removed: one row a commit, written with it. Minutes
-- are counted from 1970-01-01 UTC; run i is of series_ids[i], from and through both within.
create table rollup_touched (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  series_ids integer[] not null,
  from_minutes integer[] not null,
  through_minutes integer[] not null,
  least_minute integer not null,
  greatest_minute integer not null,
  created_at timestamptz not null default now(),
  -- When it went into rollup_dirty; it stays for an hour more, for those who follow what is new.
  noted_at timestamptz
);
create index rollup_touched_pending on rollup_touched (least_minute) where noted_at is null;
create index rollup_touched_noted on rollup_touched (noted_at) where noted_at is not null;

-- The minutes of a series that are to be rolled up again.
create table rollup_dirty (
  series_id integer primary key,
  minutes int4multirange not null check (not isempty(minutes))
);
create index rollup_dirty_least on rollup_dirty (lower(minutes));

-- Ends the transaction that calls it when the database's clock is past `until`: what it writes would come too late to be part
-- of the roll-up, and nothing said so. The transaction has its number before the clock is read, so that whoever waits for
-- all transactions up to a later number has waited for this one. A declaration is evaluated without a statement of its own. Stable by
-- name, though it is not: with a volatile function in its condition, COPY would insert row by row.
create function refuse_stale(until timestamptz) returns boolean language plpgsql stable as $$
declare
  own_number constant xid8 := pg_current_xact_id();
begin
  if clock_timestamp() > until then
    raise exception 'the batch took too long to reach the table' using errcode = 'FL001';
  end if;
  return true;
end
$$;

-- The first bound lies so far back that whatever comes between it and now without a word is still ahead of it.
insert into rollup_progress (settled_through, announced_through, announced_xid)
select at, at, pg_current_xact_id() from (select date_bin('1 minute', now() - interval '10 minutes', '2000-01-03Z') as at) bound;

-- Readings that were there before their roll-ups, by whole days.
do $$
begin
  if to_regclass('reading') is null then return; end if;
  insert into rollup_dirty (series_id, minutes)
  select series_id, range_agg(int4range(day * 1440, (day + 1) * 1440))
  from (select distinct series_id, floor(extract(epoch from time) / 86400)::integer as day from reading) of_day
  group by series_id;
end
$$;
