/**
 * What was written into the part that is rolled up already, from the commit that wrote it to the roll-up that follows.
 *
 *   commit ──▶ rollup_touched ──▶ rollup_dirty ──▶ rolled up again
 *              a row a commit     minutes a series
 */
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { literalIntegers } from '../../platform/instant-store.ts';
import { minuteMs, minuteOf, runColumns, type SeriesSpan } from './rollup.ts';

/** A span of one series in which readings were written, changed or removed; in milliseconds since the epoch, both within. */
export type TouchedSpan = { readonly seriesId: number; readonly fromMs: number; readonly throughMs: number };

/** How long noted rows stay for those who follow what is new. */
const keptMs = 3_600_000;
/** Commits that go into rollup_dirty in one transaction. */
const commitsMax = 1_000;
/** What is rolled up again in one transaction: at most so many series and minutes of them, within a week. */
const seriesMax = 2_000;
const minutesMax = 50_000;
export const dirtyWindowMs = 7 * 1_440 * minuteMs;

/**
 * Notes that readings were written, changed or removed, in the very transaction that does so: their roll-ups follow, and whoever
 * reads before takes the readings. Spans may overlap, and may be wider than what was changed.
 */
export async function noteTouched(trx: Db, touched: readonly TouchedSpan[]): Promise<void> {
  if (touched.length === 0) return;
  const runs = touched.map(({ seriesId, fromMs, throughMs }) => {
    if (!(fromMs <= throughMs)) throw new RangeError(`a touched span of series ${seriesId} ends before it begins`);
    return { seriesId, fromMinute: minuteOf(fromMs), throughMinute: minuteOf(throughMs) };
  });
  const { seriesIds, fromMinutes, throughMinutes, leastMinute, greatestMinute } = runColumns(runs);
  await sql`
    insert into rollup_touched (series_ids, from_minutes, through_minutes, least_minute, greatest_minute)
    values (${seriesIds}::int4[], ${fromMinutes}::int4[], ${throughMinutes}::int4[], ${leastMinute}, ${greatestMinute})`.execute(
    trx,
  );
}

/** Moves what some commits touched into rollup_dirty, under the lock of the progress; resolves with their number, 0 when there are none. */
export async function spreadTouched(trx: Db): Promise<number> {
  const { rows } = await sql<{ commits: number }>`
    with noted as (
      update rollup_touched set noted_at = clock_timestamp()
      where id in (select id from rollup_touched where noted_at is null order by id limit ${commitsMax})
      returning series_ids, from_minutes, through_minutes
    ), spread as (
      insert into rollup_dirty as dirty (series_id, minutes)
      select series_id, range_agg(int4range(from_minute, through_minute, '[]'))
      from noted, unnest(series_ids, from_minutes, through_minutes) as run (series_id, from_minute, through_minute)
      group by series_id
      order by series_id
      on conflict (series_id) do update set minutes = dirty.minutes + excluded.minutes
    )
    select count(*)::integer as commits from noted`.execute(trx);
  return rows[0]?.commits ?? 0;
}

/** Forgets what was noted an hour ago. */
export async function deleteNoted(db: Db): Promise<void> {
  await sql`delete from rollup_touched where noted_at < now() - make_interval(secs => ${keptMs / 1_000})`.execute(db);
}

/**
 * The least instant that is to be rolled up again, in milliseconds since the epoch. What lies before it, and before what is
 * settled, agrees with the readings.
 */
export async function findPending(db: Db): Promise<number | undefined> {
  const { rows } = await sql<{ minute: number | null }>`
    select least(
      (select min(from_minute) from rollup_touched,
         unnest(series_ids, from_minutes, through_minutes) as run (series_id, from_minute, through_minute)
       where noted_at is null),
      (select lower(minutes) from rollup_dirty order by lower(minutes) limit 1)) as minute`.execute(db);
  const minute = rows[0]?.minute;
  return minute == null ? undefined : minute * minuteMs;
}

/** The least instant of what is in rollup_dirty, in milliseconds since the epoch. */
export async function findLeastDirty(db: Db): Promise<number | undefined> {
  const { rows } = await sql<{ minute: number }>`
    select lower(minutes) as minute from rollup_dirty order by lower(minutes) limit 1`.execute(db);
  return rows[0] && rows[0].minute * minuteMs;
}

/** The dirty spans of one transaction: those that begin first, of a week that begins with a day. */
export async function listDirty(trx: Db, windowMs: number): Promise<SeriesSpan[]> {
  const from = minuteOf(windowMs);
  const to = minuteOf(windowMs + dirtyWindowMs);
  const { rows } = await sql<{ series_id: number; from_minute: number; to_minute: number }>`
    select series_id, lower(run) as from_minute, upper(run) as to_minute
    from (
      select series_id, minutes from rollup_dirty
      where lower(minutes) >= ${from} and lower(minutes) < ${to} order by lower(minutes) limit ${seriesMax}
    ) dirty, unnest(dirty.minutes * int4multirange(int4range(${from}, ${to}))) run
    order by series_id, 2`.execute(trx);
  const spans: SeriesSpan[] = [];
  let minutesLeft = minutesMax;
  for (const { series_id: seriesId, from_minute, to_minute } of rows) {
    if (minutesLeft <= 0) break;
    const toMinute = Math.min(to_minute, from_minute + minutesLeft);
    minutesLeft -= toMinute - from_minute;
    spans.push({ seriesId, fromMs: from_minute * minuteMs, toMs: toMinute * minuteMs });
  }
  return spans;
}

/** Takes out of rollup_dirty what is rolled up again in this transaction. */
export async function clearDirty(trx: Db, spans: readonly SeriesSpan[]): Promise<void> {
  const done = sql`
    select series_id, range_agg(int4range(from_minute, to_minute)) as minutes
    from unnest(${spans.map(({ seriesId }) => seriesId)}::int4[], ${spans.map(({ fromMs }) => minuteOf(fromMs))}::int4[],
      ${spans.map(({ toMs }) => minuteOf(toMs))}::int4[]) as run (series_id, from_minute, to_minute)
    group by series_id`;
  await sql`
    delete from rollup_dirty dirty using (${done}) done
    where dirty.series_id = done.series_id and dirty.minutes <@ done.minutes`.execute(trx);
  await sql`
    update rollup_dirty dirty set minutes = dirty.minutes - done.minutes from (${done}) done
    where dirty.series_id = done.series_id`.execute(trx);
}

/** The greatest minute that is ever noted: the year 6053, beyond which a span may end and no reading is. */
const minutesEnd = 2_147_483_647;

export type PendingQuery = { readonly seriesIds: readonly number[]; readonly fromMs: number; readonly toMs: number };

/** What of a span is to be rolled up again, or is not yet known not to be; both ends are instants, the later one not within. */
export async function listPending(trx: Db, query: PendingQuery): Promise<SeriesSpan[]> {
  return pendingOf(query, (await selectPending(query).execute(trx)).rows);
}

export type PendingRow = { readonly series_id: number; readonly from_minute: number; readonly to_minute: number };

/** The statement of `listPending`, for whoever sends several at once. */
export function selectPending({ seriesIds, fromMs, toMs }: PendingQuery): RawBuilder<PendingRow> {
  const ids = literalIntegers(seriesIds);
  const from = sql.lit(Math.min(minuteOf(fromMs), minutesEnd));
  const to = sql.lit(Math.min(minuteOf(toMs - 1) + 1, minutesEnd));
  return sql`
    select series_id, from_minute, through_minute + 1 as to_minute
    from rollup_touched, unnest(series_ids, from_minutes, through_minutes) as run (series_id, from_minute, through_minute)
    where noted_at is null and least_minute < ${to} and greatest_minute >= ${from} and series_ids && ${ids}
      and series_id = any(${ids}) and from_minute < ${to} and through_minute >= ${from}
    union all
    select series_id, lower(run), upper(run)
    from rollup_dirty, unnest(minutes * int4multirange(int4range(${from}, ${to}))) run
    where series_id = any(${ids})`;
}

/** What `selectPending` found, cut to the span. */
export function pendingOf({ fromMs, toMs }: PendingQuery, rows: readonly PendingRow[]): SeriesSpan[] {
  const from = minuteOf(fromMs);
  const to = minuteOf(toMs - 1) + 1;
  return rows.map(({ series_id: seriesId, from_minute, to_minute }) => ({
    seriesId,
    fromMs: Math.max(from, from_minute) * minuteMs,
    toMs: Math.min(to, to_minute) * minuteMs,
  }));
}
