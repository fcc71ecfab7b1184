/**
 * One shard, brought to the last closed tick in one transaction:
 *
 *   lock the row ─▶ read readings and snapshot ─▶ repair what came late ─▶ tick … tick ─▶ effects ─▶ machines, tick, snapshot
 *      │ held by another: nothing to do           (as the rules were then)     │
 *      ▼                                                                      ▼ insights, work orders: the caller's
 *
 * A shard changes over to the deployed rules here, at its tick: inputs are remembered anew from history, machines whose rule
 * and asset stay go on as they are (clocks and open insights included), and the others are put to rest.
 *
 * The row lock is the fence: two processes can never both commit a tick. A crash at any instant leaves either all of a
 * run or none of it, and the next run does it again.
 */
import type { Database, Db } from '../../platform/database.ts';
import { repairSpanMsMax } from '../../telemetry/append-store.ts';
import { readShardReadings } from '../../telemetry/history-store.ts';
import type { Effect } from '../kernel/effect.ts';
import type { RuleSet } from '../language/rule.ts';
import type { Ran } from './ran.ts';
import { type ListStanding, type Repaired, repairGroup, touchedGroups, type Version } from './repair.ts';
import { listShardVersions, saveShardVersion } from './rule-set-store.ts';
import type { RuleSets } from './rule-sets.ts';
import { evaluateTicks, type MachineChanges, openEvaluation, type ShardEvaluation } from './shard.ts';
import {
  type AssetOwner,
  findModelVersion,
  getShardModel,
  inSavepoint,
  insertMachines,
  listLateAssets,
  listMachines,
  lockShard,
  type ModelAsset,
  type ShardModel,
  saveShard,
  updateClocks,
} from './store.ts';

/** What becomes of effects: written in the transaction that is handed over, so that they commit with the rules' state. */
export type Sink = {
  apply(trx: Db, effects: readonly Effect[], owners: ReadonlyMap<string, AssetOwner>, ran: Ran): Promise<void>;
  /** Told when rules, assets or overrides are others than at the tick before: what serves open insights may have changed. */
  rebind(trx: Db, ran: Ran, tickMs: number): Promise<void>;
  /** The episodes that assets turn out to have had from a tick on, instead of those that are recorded. */
  replace(trx: Db, repaired: Repaired, owners: ReadonlyMap<string, AssetOwner>): Promise<void>;
  readonly listStanding: ListStanding;
};

export type AdvanceOptions = {
  readonly database: Database;
  readonly tickMs: number;
  readonly graceMs: number;
  readonly ruleSets: RuleSets;
  readonly sink: Sink;
  readonly onRepairFailed: (error: unknown, assetIds: readonly string[]) => void;
};

export type Advanced = {
  /** Whether ticks are left to evaluate: so many were missed that one run did not do. */
  readonly isBehind: boolean;
  readonly effects: readonly Effect[];
  readonly owners: ReadonlyMap<string, AssetOwner>;
};

export type ShardRunner = { advance(shard: number): Promise<Advanced> };

/** At most this many base ticks in one transaction, so that a long outage is caught up with in steps. */
const ticksMax = 60;

const attemptsMax = 3;

/** A snapshot in which no transaction is visible. */
const nothingSeen = '3:3:';

type Cached = {
  readonly evaluation: ShardEvaluation;
  readonly model: ShardModel;
  readonly ruleSetHash: string;
  /** What its shard's row said when this was its state: another process may repair a shard without moving its tick. */
  snapshot: string | null;
};

/** Advances shards; keeps each one's evaluation in memory from tick to tick. */
export function createShardRunner(options: AdvanceOptions): ShardRunner {
  const cache = new Map<number, Cached>();
  return {
    advance: async (shard) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await options.database.db.transaction().execute((trx) => advanceIn(trx, shard, options, cache));
        } catch (error) {
          cache.delete(shard); // It has seen what was not committed.
          if (!isRollback(error) || attempt === attemptsMax) throw error;
        }
      }
    },
  };
}

/** Class 40 of PostgreSQL's errors: a deadlock or a conflict, in which others got through. */
function isRollback(error: unknown): boolean {
  return error instanceof Error && ((error as { code?: string }).code ?? '').startsWith('40');
}

const nothingStale: ReadonlySet<string> = new Set();

const nothing: Advanced = { isBehind: false, effects: [], owners: new Map() };

async function advanceIn(
  trx: Db,
  shard: number,
  options: AdvanceOptions,
  cache: Map<number, Cached>,
): Promise<Advanced> {
  const clock = await lockShard(trx, shard);
  if (!clock) return nothing;
  const closedMs = Math.floor((clock.databaseMs - options.graceMs) / options.tickMs) * options.tickMs;
  const fromMs = clock.tickMs ?? closedMs;
  const throughMs = Math.max(fromMs, Math.min(closedMs, fromMs + ticksMax * options.tickMs));
  const { readings, snapshot } = await readShardReadings(trx, { shard, afterMs: fromMs, throughMs });
  await saveShard(trx, { shard, tickMs: throughMs, snapshot });

  const late = await listLateAssets(trx, { shard, seenBefore: clock.snapshot ?? nothingSeen, seenNow: snapshot });
  const tooLate = late.filter(({ timeMs }) => timeMs <= fromMs);
  const ruleSet = await options.ruleSets.getDeployed(trx);
  const stale =
    tooLate.length === 0
      ? nothingStale
      : await repair(trx, { shard, late: tooLate, throughMs: fromMs, ruleSet, options });
  const before = cache.get(shard);
  const { cached, retired } = await findOrOpen(trx, {
    shard,
    ruleSet,
    tickMs: fromMs,
    snapshot: clock.snapshot,
    stale,
    cache,
  });
  // The first version also stands for all time before it.
  const sinceMs = clock.ruleSetHash === null ? Number.NEGATIVE_INFINITY : fromMs;
  if (clock.ruleSetHash !== ruleSet.hash) await saveShardVersion(trx, { shard, tickMs: sinceMs, hash: ruleSet.hash });
  const found = evaluateTicks(cached.evaluation, readings, throughMs);
  cached.snapshot = snapshot;
  await insertMachines(trx, shard, retired.inserted);
  await saveMachines(trx, shard, found.changes);
  const effects = [...retired.effects, ...found.effects];
  const owners = ownersOf(cached.model.assets);
  const ran: Ran = { ruleSet, ...cached.model };
  const isSame = before?.model.version === cached.model.version && before.ruleSetHash === cached.ruleSetHash;
  if (!isSame) await options.sink.rebind(trx, ran, fromMs);
  if (effects.length > 0) await options.sink.apply(trx, effects, owners, ran);
  return { isBehind: throughMs < closedMs, effects, owners };
}

type Opening = {
  shard: number;
  ruleSet: RuleSet;
  tickMs: number;
  snapshot: string | null;
  /** Assets that were repaired: what is in memory of them is not right any more. */
  stale: ReadonlySet<string>;
  cache: Map<number, Cached>;
};

type Found = { cached: Cached; retired: ShardEvaluation['retired'] };

async function findOrOpen(trx: Db, { shard, ruleSet, tickMs, snapshot, stale, cache }: Opening): Promise<Found> {
  const cached = cache.get(shard);
  const version = await findModelVersion(trx, shard);
  const isSameState = cached?.evaluation.tickMs === tickMs && cached.snapshot === snapshot;
  const isSameRules = isSameState && cached.ruleSetHash === ruleSet.hash;
  if (cached && isSameRules && cached.model.version === version && stale.size === 0)
    return { cached, retired: { effects: [], inserted: [] } };
  const model = await getShardModel(trx, shard);
  const machines = await listMachines(trx, shard);
  const before = cached && isSameRules ? { shard: cached.evaluation, stale } : undefined;
  const evaluation = await openEvaluation(trx, { ruleSet, ...model, machines, tickMs, before });
  const opened = { evaluation, model, ruleSetHash: ruleSet.hash, snapshot };
  cache.set(shard, opened);
  return { cached: opened, retired: evaluation.retired };
}

type Late = {
  shard: number;
  late: { assetId: string; timeMs: number }[];
  throughMs: number;
  ruleSet: RuleSet;
  options: AdvanceOptions;
};

/**
 * One group of assets whose repair fails keeps what is recorded of it, and holds up no other. Returns the assets that late
 * readings touch.
 */
async function repair(trx: Db, { shard, late, throughMs, ruleSet, options }: Late): Promise<ReadonlySet<string>> {
  const least = Math.min(...late.map(({ timeMs }) => timeMs));
  const { assets, overrides } = await getShardModel(trx, shard, Math.max(repairSpanMsMax, throughMs - least));
  const versionsSince = (sinceMs: number) => listVersions(trx, { shard, sinceMs, throughMs, ruleSet, options });
  const versions = await versionsSince(least - 1);
  const touched = touchedGroups({ assets, overrides, versions, late });
  for (const { group, leastMs } of touched) {
    const failure = await inSavepoint(trx, async () => {
      const { listStanding } = options.sink;
      const given = { group, assets, overrides, leastMs, throughMs, versionsSince, listStanding };
      const repaired = await repairGroup(trx, given);
      await saveMachines(trx, shard, repaired.changes);
      await options.sink.replace(trx, repaired, ownersOf(assets));
    });
    if (failure)
      options.onRepairFailed(
        failure,
        group.map(({ asset }) => asset.id),
      );
  }
  return new Set(touched.flatMap(({ group }) => group.map(({ asset }) => asset.id)));
}

/** The rules that evaluated a shard's ticks after an instant; of before what is on record, the first of that. */
async function listVersions(
  trx: Db,
  { shard, sinceMs, throughMs, ruleSet, options }: Omit<Late, 'late'> & { readonly sinceMs: number },
): Promise<readonly Version[]> {
  const recorded = await listShardVersions(trx, { shard, afterMs: sinceMs });
  const versions: Version[] = [];
  for (const { tickMs, hash } of recorded)
    versions.push({ fromMs: tickMs, ruleSet: await options.ruleSets.get(trx, hash) });
  return versions.length > 0 ? versions : [{ fromMs: throughMs, ruleSet }];
}

async function saveMachines(trx: Db, shard: number, changes: MachineChanges): Promise<void> {
  await insertMachines(trx, shard, changes.inserted);
  await updateClocks(trx, changes.clocks);
}

function ownersOf(assets: readonly ModelAsset[]): Map<string, AssetOwner> {
  return new Map(assets.map(({ asset, owner }) => [asset.id, owner]));
}
