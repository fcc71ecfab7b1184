import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';

/** Readings of a series that retention must leave alone, and the open insight for whose sake; instants are epoch milliseconds. */
export type EvidenceHold = {
  readonly seriesId: number;
  readonly fromMs: number;
  readonly throughMs: number;
  readonly insightId: string;
};

/** Readings that are about to be dropped: time in [fromMs, throughMs), of these series or of all. */
export type Dropping = {
  readonly fromMs: number;
  readonly throughMs: number;
  readonly seriesIds?: readonly number[] | undefined;
};

/** An insight that has ended may be opened again by its rule within a day; until then its evidence counts as that of an open one. */
const heldAfterEnd = sql`interval '25 hours'`;

/**
 * What retention must leave: the shown series of insights that stand open or ended a moment ago, from before their start to after
 * their end, or until now. The insights that people have dismissed hold nothing; what is dropped of theirs is kept.
 */
export async function listHolds(db: Db): Promise<EvidenceHold[]> {
  const { rows } = await sql<EvidenceHold>`
    with span as (${spans(sql`i.status <> 'dismissed' and i.withdrawn_at is null
      and coalesce(i.ended_at, case when i.rule_id is null then i.resolved_at end, 'infinity') > now() - ${heldAfterEnd}`)})
    select distinct ${presentSeries} as "seriesId", span.insight_id as "insightId",
      (extract(epoch from span.from_at) * 1000)::float8 as "fromMs",
      (extract(epoch from least(span.through_at, now())) * 1000)::float8 as "throughMs"
    from span join insight_input input on input.insight_id = span.insight_id ${itsPoint}
    where input.is_shown and input.series_id is not null
    order by 2, 1`.execute(db);
  return rows;
}

/** So many readings of a series and a day are kept as they are; of more the first, last, least and greatest of each step. */
export const keptPerDayMax = 20_000;
/** 86,400 s in steps of 17.28 s are 5,000, of four readings each. */
const keptStepMs = 86_400_000 / (keptPerDayMax / 4);

/**
 * Keeps what insights show of readings that are about to be dropped, in the transaction that drops them: a row for each insight,
 * series and UTC day. May be repeated. Returns how many rows were written.
 */
export async function keepEvidence(trx: Db, { fromMs, throughMs, seriesIds }: Dropping): Promise<number> {
  const [from, through] = [instant(fromMs), instant(throughMs)];
  const only = seriesIds === undefined ? sql`true` : sql`${presentSeries} = any(${seriesIds}::int4[])`;
  // Compiling the statement takes three seconds, and what it does as a rule a few milliseconds.
  await sql`select set_config('jit', 'off', true)`.execute(trx);
  const { numAffectedRows } = await sql`
    with span as (${spans(sql`true`)}), wanted as (
      select distinct span.insight_id, ${presentSeries} as series_id, greatest(span.from_at, ${from}) as from_at, least(span.through_at, ${through}) as through_at
      from span join insight_input input on input.insight_id = span.insight_id ${itsPoint}
      where span.from_at < ${through} and span.through_at > ${from} and input.is_shown and input.series_id is not null and ${only}
    )
    insert into insight_reading (insight_id, series_id, from_at, through_at, unit, first_at, gaps_ms, values, qualities, step_ms)
    select wanted.insight_id, wanted.series_id, day.from_at, day.through_at, point.unit, kept.*
    from wanted
    left join point on point.series_id = wanted.series_id
    cross join lateral (
      select greatest(midnight, wanted.from_at) as from_at, least(midnight + interval '24 hours', wanted.through_at) as through_at
      from generate_series(date_trunc('day', wanted.from_at, 'UTC'), wanted.through_at - interval '1 microsecond', interval '24 hours') midnight
    ) day
    cross join lateral (${keptReadings}) kept
    on conflict (insight_id, series_id, from_at, first_at) do update set through_at = excluded.through_at, unit = excluded.unit,
      gaps_ms = excluded.gaps_ms, values = excluded.values, qualities = excluded.qualities, step_ms = excluded.step_ms
    -- What is kept already and has been dropped since is not there to be kept again.
    where cardinality(excluded.gaps_ms) >= cardinality(insight_reading.gaps_ms)`.execute(trx);
  return Number(numAffectedRows ?? 0);
}

/** The readings of a point that was merged into another lie with that one. */
const itsPoint = sql`left join point was on was.id = input.point_id left join point its on its.id = coalesce(was.merged_into, was.id)`;
const presentSeries = sql`coalesce(its.series_id, input.series_id)`;

/** The spans that insights show, whole: from before their first episode to after their last one, or for ever. */
function spans(which: ReturnType<typeof sql>) {
  return sql`select e.insight_id, min(e.started_at - make_interval(secs => e.before_ms / 1000)) as from_at,
      max(coalesce(e.ended_at, 'infinity') + make_interval(secs => e.after_ms / 1000)) as through_at
    from insight_episode e join insight i on i.id = e.insight_id where ${which} group by e.insight_id`;
}

/** The readings of one series on one day, in arrays; no row where there are none. Milliseconds are cut, so that gaps add up. */
const keptReadings = sql`
  select to_timestamp(min(ms) / 1000.0), array_agg(gap order by ms), array_agg(value order by ms),
    case when bool_or(quality <> 0) then array_agg(quality order by ms) end, max(step_ms)
  from (
    select ms, value, quality, case when count > ${keptPerDayMax} then ceil(${keptStepMs}::float8)::integer end as step_ms,
      coalesce(ms - lag(ms) over (order by time), 0)::integer as gap
    from (
      select time, value, quality, floor(extract(epoch from time) * 1000)::bigint as ms, count(*) over () as count,
        row_number() over (bin order by time) = 1 or row_number() over (bin order by time desc) = 1
          or row_number() over (bin order by value, time) = 1
          or row_number() over (bin order by value desc nulls last, time) = 1 as tells
      from reading
      where reading.series_id = wanted.series_id and reading.time >= day.from_at and reading.time < day.through_at
      window bin as (partition by floor(extract(epoch from time - day.from_at) * 1000 / ${keptStepMs}::float8))
    ) r
    where tells or count <= ${keptPerDayMax}
  ) r
  having count(*) > 0`;
