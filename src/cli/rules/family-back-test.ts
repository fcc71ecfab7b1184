/**
 * The back-test of one family of linked assets over stored telemetry: readings come slice by slice, every rule set takes each slice in
 * turn, so that two versions are compared over the very same readings, and the database reads the next slices meanwhile.
 */
import type pg from 'pg';
import { collectInsights, type FiredInsight } from '../../rules/back-test/back-test.ts';
import { type Knowledge, openColumnRun } from '../../rules/back-test/column-run.ts';
import type { Effect } from '../../rules/kernel/effect.ts';
import { layOut } from '../../rules/kernel/layout.ts';
import type { Override } from '../../rules/language/override.ts';
import type { RuleSet } from '../../rules/language/rule.ts';
import type { ModelAsset } from '../../rules/live/store.ts';
import { streamPointColumns } from '../../telemetry/column-store.ts';

/** A family, on all assets of which rules run, or on `only` some; it can be sent to another thread. */
export type FamilyJob = {
  readonly assets: readonly Pick<ModelAsset, 'asset' | 'points'>[];
  readonly overrides: readonly Override[];
  readonly only: ReadonlySet<string> | undefined;
  /** Whether points that are expected to report are missed when they do not. */
  readonly isWatching: boolean;
  readonly timeZone: string;
  readonly fromMs: number;
  readonly toMs: number;
};

/** The insights of each rule set, in their order; how many readings there were, and how long the rules took for them. */
export type FamilyFindings = {
  readonly insights: readonly (readonly FiredInsight[])[];
  readonly readings: number;
  readonly kernelMs: number;
  /** What the rules of the first set knew. */
  readonly knowledge: Knowledge;
};

/** What each of the rule sets would have found on a family. */
export async function backTestFamily(
  pool: pg.Pool,
  ruleSets: readonly RuleSet[],
  { assets: given, overrides, only, isWatching, timeZone, fromMs, toMs }: FamilyJob,
): Promise<FamilyFindings> {
  const assets = given.map(({ asset, points }) => ({ asset, points: [...points] }));
  const layouts = ruleSets.map((ruleSet) => layOut(ruleSet, assets, overrides, only, isWatching));
  const wanted = new Set(layouts.flatMap(({ indexes }) => [...indexes.keys()]));
  const idOf = new Map(
    assets.flatMap(({ points }) =>
      points.filter(({ id }) => wanted.has(id)).map(({ seriesId, id }) => [seriesId, id] as const),
    ),
  );
  const found: Effect[][] = ruleSets.map(() => []);
  let [readings, kernelMs] = [0, 0];
  const warmFromMs = fromMs - Math.max(...layouts.map(({ warmupMs }) => warmupMs));
  const input = { assets, overrides, isWatching, ...(only && { only }) };
  const knowledge: Knowledge = new Map();
  const runs = ruleSets.map((ruleSet, index) =>
    openColumnRun({ ...input, ruleSet }, { warmFromMs, fromMs, ...(index === 0 && { knowledge }) }),
  );
  if (idOf.size > 0) {
    const sliceMs = sliceMsOf(idOf.size);
    const query = {
      seriesIds: [...idOf.keys()],
      afterMs: warmFromMs - 1,
      throughMs: toMs,
      ...(sliceMs && { sliceMs }),
    };
    for await (const { columns, throughMs } of streamPointColumns(pool, query)) {
      const began = performance.now();
      const named = new Map([...columns].map(([seriesId, column]) => [idOf.get(seriesId) as string, column]));
      for (const [index, run] of runs.entries()) {
        for (const effect of run.advance(named, throughMs)) found[index]?.push(effect);
      }
      kernelMs += performance.now() - began;
      for (const { times } of columns.values()) readings += times.length;
    }
  }
  const insights = found.map((effects) => collectInsights(effects, toMs, timeZone));
  return { insights, readings, kernelMs, knowledge };
}

const readingsPerSlice = 2_000_000;

/** Of very many points less than a day at a time, at one reading a minute; undefined where days will do. */
function sliceMsOf(points: number): number | undefined {
  const minutes = Math.max(60, Math.floor(readingsPerSlice / points));
  return minutes < 1_440 ? minutes * 60_000 : undefined;
}
