/**
 * One shard, brought to the last closed tick in one transaction:
 *
 *   lock the row ─▶ read readings and snapshot ─▶ repair what came late ─▶ tick … tick ─▶ effects ─▶ machines, tick, snapshot
 *      │ held by another: nothing to do                                       │
 *      ▼                                                                      ▼ insights, work orders: the caller's
 *
 * The row lock is the fence: two processes can never both commit a tick. A crash at any instant leaves either all of a
 * run or none of it, and the next run does it again.
 */
import type { Database, Db } from '../platform/database.ts';
import { readShardReadings } from '../telemetry/history-store.ts';
import type { Effect } from './effect.ts';
import { type Repaired, repairGroup, touchedGroups } from './repair.ts';
import type { RuleSet } from './rule.ts';
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
  apply(trx: Db, effects: readonly Effect[], owners: ReadonlyMap<string, AssetOwner>): Promise<void>;
  /** The episodes that assets turn out to have had from a tick on, instead of those that are recorded. */
  replace(trx: Db, repaired: Repaired, owners: ReadonlyMap<string, AssetOwner>): Promise<void>;
};

export type AdvanceOptions = {
  readonly database: Database;
  readonly tickMs: number;
  readonly graceMs: number;
  readonly ruleSet: () => RuleSet;
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
  const ruleSet = options.ruleSet();
  if (tooLate.length > 0) {
    cache.delete(shard);
    await repair(trx, { shard, late: tooLate, throughMs: fromMs, ruleSet, options });
  }
  const cached = await findOrOpen(trx, { shard, ruleSet, tickMs: fromMs, snapshot: clock.snapshot, cache });
  const { effects, changes } = evaluateTicks(cached.evaluation, readings, throughMs);
  cached.snapshot = snapshot;
  await saveMachines(trx, shard, changes);
  const owners = ownersOf(cached.model.assets);
  if (effects.length > 0) await options.sink.apply(trx, effects, owners);
  return { isBehind: throughMs < closedMs, effects, owners };
}

type Opening = {
  shard: number;
  ruleSet: RuleSet;
  tickMs: number;
  snapshot: string | null;
  cache: Map<number, Cached>;
};

async function findOrOpen(trx: Db, { shard, ruleSet, tickMs, snapshot, cache }: Opening): Promise<Cached> {
  const cached = cache.get(shard);
  const version = await findModelVersion(trx, shard);
  const isSameState = cached?.evaluation.tickMs === tickMs && cached.snapshot === snapshot;
  const isCurrent = isSameState && cached.ruleSetHash === ruleSet.hash && cached.model.version === version;
  if (cached && isCurrent) return cached;
  const model = await getShardModel(trx, shard);
  const machines = await listMachines(trx, shard);
  const evaluation = await openEvaluation(trx, { ruleSet, assets: model.assets, machines, tickMs });
  const opened = { evaluation, model, ruleSetHash: ruleSet.hash, snapshot };
  cache.set(shard, opened);
  return opened;
}

type Late = {
  shard: number;
  late: { assetId: string; timeMs: number }[];
  throughMs: number;
  ruleSet: RuleSet;
  options: AdvanceOptions;
};

/** One group of assets whose repair fails keeps what is recorded of it, and holds up no other. */
async function repair(trx: Db, { shard, late, throughMs, ruleSet, options }: Late): Promise<void> {
  const { assets } = await getShardModel(trx, shard);
  for (const { group, leastMs } of touchedGroups(assets, late)) {
    const failure = await inSavepoint(trx, async () => {
      const repaired = await repairGroup(trx, { group, leastMs, throughMs, ruleSet });
      await saveMachines(trx, shard, repaired.changes);
      await options.sink.replace(trx, repaired, ownersOf(assets));
    });
    if (failure)
      options.onRepairFailed(
        failure,
        group.map(({ asset }) => asset.id),
      );
  }
}

async function saveMachines(trx: Db, shard: number, changes: MachineChanges): Promise<void> {
  await insertMachines(trx, shard, changes.inserted);
  await updateClocks(trx, changes.clocks);
}

function ownersOf(assets: readonly ModelAsset[]): Map<string, AssetOwner> {
  return new Map(assets.map(({ asset, owner }) => [asset.id, owner]));
}
