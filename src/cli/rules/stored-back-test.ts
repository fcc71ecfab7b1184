/**
 * A back-test over stored telemetry. Families of linked assets know nothing of each other. What is stored side by side is read once
 * for many of them, and where there is much to read each core has a thread that takes one party after the other; what is little
 * is not worth starting threads for.
 *
 *   plants ──▶ parties of families ──▶ this thread, or a thread per core ──▶ insights of the rules on disk
 *                                                                        └─▶ insights of the deployed ones ──▶ the difference
 */
import { availableParallelism } from 'node:os';
import type { Database } from '../../platform/database.ts';
import type { FiredInsight } from '../../rules/back-test/back-test.ts';
import type { Knowledge } from '../../rules/back-test/column-run.ts';
import { withSuppressors } from '../../rules/back-test/take-part.ts';
import { listFamilies, upstreamOf, withUpstream } from '../../rules/kernel/families.ts';
import type { RuleSet } from '../../rules/language/rule.ts';
import { backTestInThreads } from './back-test-threads.ts';
import { backTestFamily, type FamilyFindings, type FamilyJob } from './family-back-test.ts';
import type { StoredPlant } from './stored-plant.ts';

export type StoredBackTest = {
  readonly plants: readonly StoredPlant[];
  /** The one asset that is asked about; absent: all. */
  readonly assetId?: string | undefined;
  /** The one rule that is asked about; absent: all. */
  readonly ruleId?: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
};

/** A rule set and the files that it is made of. */
export type RuleVersion = { readonly ruleSet: RuleSet; readonly texts: readonly { file: string; text: string }[] };

/** Insights by rule set, and what the back-test had to do for them. */
export type StoredFindings = {
  readonly insights: readonly FiredInsight[][];
  readonly readings: number;
  readonly kernelMs: number;
  readonly threads: number;
  /** What the rules of the first set knew, on any of the equipment. */
  readonly knowledge: Knowledge;
};

/** What each of the rule sets would have found, in the order of the rule sets; `asset` is the asset's name. */
export async function backTestStored(
  database: Pick<Database, 'pool'>,
  versions: readonly RuleVersion[],
  { plants, assetId, ruleId, fromMs, toMs }: StoredBackTest,
): Promise<StoredFindings> {
  const chosen = versions.map(({ ruleSet }) => (ruleId === undefined ? ruleSet : withSuppressors(ruleSet, ruleId)));
  const jobs: FamilyJob[] = [];
  const names = new Map<string, string>();
  for (const { assets, overrides, site } of plants) {
    for (const { asset } of assets) names.set(asset.id, asset.name);
    const families = listFamilies(union(chosen), assets).filter(
      (family) => assetId === undefined || family.some(({ asset }) => asset.id === assetId),
    );
    for (const party of joinFamilies(families)) {
      const only = assetId === undefined ? undefined : withUpstream(upstreamOf(party), [assetId]);
      // What is asked of one rule is not asked of points.
      jobs.push({
        assets: party,
        overrides,
        only,
        isWatching: ruleId === undefined,
        timeZone: site.timeZone,
        fromMs,
        toMs,
      });
    }
  }
  const threads = threadCountFor(jobs);
  const done = await run(jobs, { database, versions, chosen, ruleId, threads });
  const isAsked = ({ asset, rule }: FiredInsight) => (assetId ?? asset) === asset && (ruleId ?? rule) === rule;
  const insights = versions.map((_, index) =>
    done
      .flatMap((one) => (one.insights[index] ?? []).filter(isAsked))
      .map((one) => ({ ...one, asset: names.get(one.asset) ?? one.asset }))
      .sort((one, other) => one.openedAt - other.openedAt),
  );
  const sum = (read: (one: FamilyFindings) => number) => done.reduce((total, one) => total + read(one), 0);
  const knowledge: Knowledge = new Map();
  for (const [rule, knew] of done.flatMap((one) => [...one.knowledge]))
    knowledge.set(rule, knew || knowledge.get(rule) === true);
  return { insights, readings: sum((one) => one.readings), kernelMs: sum((one) => one.kernelMs), threads, knowledge };
}

/** The pages of a table hold what all points had at a time; ten families read together took 12.9 s, and one after the other 20.7 s. */
const pointsPerPartyMax = 200;

/** Families in their order, as many of them together as have that many points; a larger one is alone. */
function joinFamilies(families: readonly (readonly Asset[])[]): Asset[][] {
  const parties: Asset[][] = [];
  let points = Number.POSITIVE_INFINITY;
  for (const family of families) {
    const more = family.reduce((sum, one) => sum + one.points.length, 0);
    points += more;
    if (points <= pointsPerPartyMax) parties.at(-1)?.push(...family);
    else {
      parties.push([...family]);
      points = more;
    }
  }
  return parties;
}

type Asset = FamilyJob['assets'][number];

/** All rules of some sets, for what links assets in any of them. */
function union(ruleSets: readonly RuleSet[]): RuleSet {
  return { ...(ruleSets[0] as RuleSet), rules: ruleSets.flatMap(({ rules }) => rules) };
}

/** A thread takes half a second to start with a library of rules, in which another reads so many readings. */
const readingsPerThreadMin = 2_000_000;
/** Each has two connections. */
const threadsMax = 8;

/** One for this thread alone. */
function threadCountFor(jobs: readonly FamilyJob[]): number {
  const pointMs = (job: FamilyJob) =>
    job.assets.reduce((sum, { points }) => sum + points.length, 0) * (job.toMs - job.fromMs);
  const readings = jobs.reduce((sum, job) => sum + pointMs(job), 0) / 60_000;
  const worthwhile = Math.floor(readings / readingsPerThreadMin);
  return Math.max(1, Math.min(availableParallelism(), threadsMax, jobs.length, worthwhile));
}

type Means = {
  database: Pick<Database, 'pool'>;
  versions: readonly RuleVersion[];
  chosen: readonly RuleSet[];
  ruleId: string | undefined;
  threads: number;
};

async function run(
  jobs: readonly FamilyJob[],
  { database: { pool }, versions, chosen, ruleId, threads }: Means,
): Promise<FamilyFindings[]> {
  const url = pool.options.connectionString;
  if (threads > 1 && url !== undefined) {
    const ruleSets = versions.map(({ ruleSet, texts }) => ({ texts, timeScale: ruleSet.timeScale, ruleId }));
    return backTestInThreads(jobs, { url, ruleSets }, threads);
  }
  const done: FamilyFindings[] = [];
  for (const job of jobs) done.push(await backTestFamily(pool, chosen, job));
  return done;
}
