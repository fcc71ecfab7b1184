/**
 * Dry runs, each in a thread of its own, so that nobody else waits for it: whatever a rule's text makes of the parser, the
 * compiler or the kernel ends with that thread, in bounded time and memory.
 *
 *   request ──▶ thread: plan ──▶ small enough? ──▶ readings, piece by piece ──▶ thread: run ──▶ answer
 *                  └ problems: 400        └ no: 422            └ too many: 422        └ too long: 422
 */
import { Worker } from 'node:worker_threads';
import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import type { DryRunOutcome, DryRunPlan, DryRunProblem, DryRunRequest } from '../../rules/back-test/dry-run.ts';
import type { ModelAsset } from '../../rules/live/store.ts';
import { readPointColumns } from '../../telemetry/history-store.ts';
import type { PointColumn } from '../../telemetry/point-column.ts';
import type { DryRunOrder, DryRunReply } from './dry-run-thread.ts';

export type DryRunLimits = {
  readonly msMax: number;
  readonly runsMax: number;
  readonly evaluationsMax: number;
  readonly readingsMax: number;
  readonly valuesMax: number;
  readonly memoryMbMax: number;
};

/** A year of minutes of ten rules and assets; a hundred thousand values are a megabyte of JSON. */
export const dryRunLimits: DryRunLimits = {
  msMax: 20_000,
  runsMax: 2,
  evaluationsMax: 6_000_000,
  readingsMax: 6_000_000,
  valuesMax: 100_000,
  memoryMbMax: 512,
};

export type DryRunAsked = {
  readonly tenantId: string;
  readonly request: Omit<DryRunRequest, 'assets'> & { readonly assets: readonly ModelAsset[] };
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepsMax: number;
  /** Aborted when nobody waits for the answer any more; the run then ends with an error. */
  readonly gone?: AbortSignal;
};

export type DryRunAnswer =
  | { readonly problems: readonly DryRunProblem[] }
  | { readonly plan: DryRunPlan; readonly outcome: DryRunOutcome };

export type DryRunner = {
  /** Throws dry_run_busy and dry_run_too_large. */
  run(db: Db, asked: DryRunAsked): Promise<DryRunAnswer>;
  close(): Promise<void>;
};

const assetsMax = 10;
const msPerReading = 60_000;
const readingsPerPiece = 500_000;

export function createDryRunner(limits: DryRunLimits = dryRunLimits): DryRunner {
  const running = new Map<Worker, string>();
  return {
    run: async (db, asked) => {
      const isAnother = [...running.values()].includes(asked.tenantId);
      if (isAnother || running.size >= limits.runsMax) throw refusals.dryRunBusy();
      const thread = openThread(limits);
      running.set(thread.worker, asked.tenantId);
      const end = () => void thread.worker.terminate();
      asked.gone?.addEventListener('abort', end, { once: true });
      try {
        return await converse(thread, db, asked, limits);
      } finally {
        asked.gone?.removeEventListener('abort', end);
        await thread.close();
        running.delete(thread.worker);
      }
    },
    close: async () => {
      await Promise.all([...running.keys()].map((worker) => worker.terminate()));
    },
  };
}

type Thread = {
  readonly worker: Worker;
  /** The thread's answer to a message; throws when it ends before that. */
  ask(message: unknown, transferred?: ArrayBuffer[]): Promise<DryRunReply>;
  close(): Promise<void>;
};

function openThread({ msMax, memoryMbMax }: DryRunLimits): Thread {
  const worker = new Worker(new URL('./dry-run-thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: memoryMbMax },
    env: {},
  });
  const ended = Promise.withResolvers<never>();
  worker.on('error', (error) => ended.reject(refusalOf(error, memoryMbMax)));
  worker.on('exit', () => {
    const limit = `It took longer than ${msMax / 1_000} s`;
    ended.reject(refusals.dryRunTooLarge(`${limit}: ask for a shorter span or for one asset.`));
  });
  ended.promise.catch(() => undefined); // Whoever asks meanwhile, or afterwards, is told; an end after the answer is none's.
  const deadline = setTimeout(() => void worker.terminate(), msMax);
  return {
    worker,
    ask: async (message, transferred = []) => {
      const answered = Promise.withResolvers<DryRunReply>();
      worker.once('message', answered.resolve);
      worker.postMessage(message, transferred);
      return Promise.race([answered.promise, ended.promise]);
    },
    close: async () => {
      clearTimeout(deadline);
      await worker.terminate();
    },
  };
}

function refusalOf(error: unknown, memoryMbMax: number): unknown {
  const isMemory = (error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY';
  if (!isMemory) return error;
  return refusals.dryRunTooLarge(`It took more than ${memoryMbMax} MB of memory: ask for a shorter span.`);
}

async function converse(thread: Thread, db: Db, asked: DryRunAsked, limits: DryRunLimits): Promise<DryRunAnswer> {
  const { request, fromMs, toMs, stepsMax } = asked;
  const planned = await thread.ask(request);
  if (planned.kind === 'problems') return planned;
  if (planned.kind !== 'plan') throw new Error('a dry run answered before it was asked');
  const { plan } = planned;
  requireSize(plan, { fromMs, toMs }, limits);
  const order: DryRunOrder = {
    pieces: await readPieces(db, asked, plan, limits),
    fromMs,
    toMs,
    options: { stepsMax, valuesMax: limits.valuesMax, assetsMax },
  };
  const answer = await thread.ask(order, buffersOf(order));
  if (answer.kind !== 'outcome') throw new Error('a dry run answered out of turn');
  return { plan, outcome: answer.outcome };
}

function requireSize(plan: DryRunPlan, { fromMs, toMs }: { fromMs: number; toMs: number }, limits: DryRunLimits): void {
  if (plan.rowCount === 0) return;
  const evaluations = Math.ceil((toMs - fromMs + plan.warmupMs) / plan.everyMs) * plan.rowCount;
  if (evaluations <= limits.evaluationsMax) return;
  const counted = `${evaluations} evaluations of rules on equipment, and ${limits.evaluationsMax} are the most`;
  throw refusals.dryRunTooLarge(`It is ${counted}: ask for a shorter span or for one asset.`);
}

/** The readings of the points that the plan names, from its run-up on; read in pieces, so that none holds up other requests. */
async function readPieces(
  db: Db,
  { request, fromMs, toMs }: DryRunAsked,
  { pointIds, warmupMs }: DryRunPlan,
  { readingsMax }: DryRunLimits,
): Promise<Map<string, PointColumn[]>> {
  const wanted = new Set(pointIds);
  const points = request.assets.flatMap((one) => one.points).filter(({ id }) => wanted.has(id));
  const pieces = new Map<string, PointColumn[]>(points.map(({ id }) => [id, []]));
  const pointOf = new Map(points.map(({ id, seriesId }) => [seriesId, id]));
  const sliceMs = Math.max(3_600_000, Math.floor(readingsPerPiece / Math.max(1, points.length)) * msPerReading);
  let count = 0;
  for (let afterMs = fromMs - warmupMs - 1; afterMs < toMs && points.length > 0; afterMs += sliceMs) {
    const throughMs = Math.min(afterMs + sliceMs, toMs);
    for (const [seriesId, column] of await readPointColumns(db, {
      seriesIds: [...pointOf.keys()],
      afterMs,
      throughMs,
    })) {
      pieces.get(pointOf.get(seriesId) as string)?.push(column);
      count += column.times.length;
    }
    if (count > readingsMax) {
      throw refusals.dryRunTooLarge(
        `It reads more than ${readingsMax} readings: ask for a shorter span or for one asset.`,
      );
    }
  }
  return pieces;
}

function buffersOf({ pieces }: DryRunOrder): ArrayBuffer[] {
  return [...pieces.values()].flat().flatMap(({ times, values }) => [times.buffer, values.buffer] as ArrayBuffer[]);
}
