/**
 * The live side of rules: woken every tick, it brings every shard to the last closed tick. Any number of processes may
 * run it on one database; the shard's row decides who does the work.
 */
import type { Database, Db } from '../../platform/database.ts';
import type { Jobs } from '../../platform/jobs.ts';
import type { Log } from '../../platform/log.ts';
import { askedRepairSpanMsMax, repairSpanMsMax } from '../../telemetry/append-store.ts';
import { type Advanced, createShardRunner, type Sink } from './advance.ts';
import { deleteOldVersions } from './rule-set-store.ts';
import type { RuleSets } from './rule-sets.ts';
import { deleteOldMachines, deleteSeenBatches, listShards } from './store.ts';

export type LiveRules = {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly log: Log;
  readonly ruleSets: RuleSets;
  readonly sink: Sink;
  readonly tickMs: number;
  readonly graceMs: number;
  /** Told of what has been committed, after it has. */
  readonly onAdvanced?: ((advanced: Advanced) => void) | undefined;
};

/** Begins to evaluate rules; ends when `jobs` is closed. */
export async function runRules({ database, jobs, log, onAdvanced, ...options }: LiveRules): Promise<void> {
  const runner = createShardRunner({
    database,
    ...options,
    onRepairFailed: (error, assetIds) =>
      log.error({ err: error, assetIds }, 'late readings could not be taken into account; what is recorded stands'),
  });
  const advance = async (shard: number): Promise<boolean> => {
    try {
      const advanced = await runner.advance(shard);
      report(advanced, log);
      onAdvanced?.(advanced);
      return advanced.isBehind;
    } catch (error) {
      log.error({ err: error, shard }, 'a shard could not be advanced; the next tick tries again');
      return false;
    }
  };
  await jobs.schedule('advance-rules', options.tickMs, async (closing) => {
    const nextTick = AbortSignal.timeout(options.tickMs);
    await takeTurns(await listShards(database.db), {
      advance,
      isOver: () => closing.aborted,
      // The wake-up of the next tick goes on, with the shards that have been up to date meanwhile.
      isLastRound: () => nextTick.aborted,
    });
  });
}

type Turns = {
  /** One run of a shard; true when it is still behind. */
  readonly advance: (shard: number) => Promise<boolean>;
  readonly isOver: () => boolean;
  readonly isLastRound: () => boolean;
};

/** Gives every shard a run, then those that are still behind another, so that nobody waits until one far behind is done. */
export async function takeTurns(shards: readonly number[], { advance, isOver, isLastRound }: Turns): Promise<void> {
  const behind: number[] = [];
  for (const shard of shards) {
    if (isOver()) return;
    if (await advance(shard)) behind.push(shard);
  }
  if (behind.length > 0 && !isLastRound()) await takeTurns(behind, { advance, isOver, isLastRound });
}

/** Forgets batches, machines and versions of rules that no repair of late readings can reach back to. */
export async function forgetRuleHistory(db: Db): Promise<void> {
  await deleteSeenBatches(db);
  await deleteOldMachines(db, repairSpanMsMax);
  await deleteOldVersions(db, askedRepairSpanMsMax);
}

function report({ effects, owners }: Advanced, log: Log): void {
  for (const effect of effects) {
    const what = {
      rule: effect.ruleId,
      asset: owners.get(effect.assetId)?.name,
      at: new Date(effect.at).toISOString(),
    };
    if (effect.kind === 'rule-error') log.error({ ...what, error: effect.message }, 'a rule failed on an asset');
    else log.debug({ ...what, effect: effect.kind }, 'rule');
  }
}

/**
 * The base tick under a time scale, in milliseconds: a scaled minute at least, since rules below a minute have no whole
 * number of milliseconds there.
 */
export function scaleTick(tickMs: number, timeScale: number): number {
  return timeScale === 1 ? tickMs : Math.max(tickMs, 60_000) / timeScale;
}
