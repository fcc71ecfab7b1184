/**
 * A replay over columns, a block of ticks at a time. It is the fold of `evaluation.ts` in another order of work, with the
 * same functions of the rules and the same step of the machines:
 *
 *   block    points ──resample──▶ columns ──▶ windows ──▶ each rule and asset: condition at every tick
 *            then, tick by tick in the order of the rules: step the machines that are awake or whose condition is true
 *
 * A machine at rest whose condition is not true stays at rest, so most ticks of most machines end with their condition.
 */
import type { PointColumn } from '../../telemetry/point-column.ts';
import type { Loop, LoopInput } from '../kernel/compile-loop.ts';
import type { Effect } from '../kernel/effect.ts';
import { createEvaluation, type Evaluation, type EvaluationInput } from '../kernel/evaluation.ts';
import { isTrue, isUnknown, threw } from '../language/truth.ts';
import { begin, functionsOf, loopOf, planRow, type RowPlan, readRow } from './column-plan.ts';
import { createTickGrid, type TickGrid } from './tick-columns.ts';
import { createWatchColumns } from './watch-columns.ts';

/** A replay under way: slices of columns go in, in the order of time, and effects come out. */
export type ColumnRun = {
  /** How long before the first tick the run-up has to begin, in milliseconds. */
  warmupMs: number;
  /**
   * Evaluates all ticks after those before through `throughMs`, on columns by point id that hold the readings since; ticks before
   * `fromMs` only let inputs be remembered. The last call may close: each rule then has the tick that closes over `throughMs`, too.
   */
  advance(columns: ReadonlyMap<string, PointColumn>, throughMs: number, closes?: boolean): Effect[];
};

/** The rules that run anywhere, and whether each has ever known its condition, be it true or false. */
export type Knowledge = Map<string, boolean>;

/** A replay whose first tick is the first one not before `warmFromMs`; effects come from `fromMs` on. It adds to `knowledge`. */
export function openColumnRun(
  input: EvaluationInput,
  { warmFromMs, fromMs, knowledge }: { warmFromMs: number; fromMs: number; knowledge?: Knowledge | undefined },
): ColumnRun {
  const evaluation = createEvaluation(input);
  const { everyMs, groups } = evaluation;
  const points = input.assets.flatMap((one) => one.points);
  const rowCount = groups.reduce((sum, group) => sum + group.assets.length, 0);
  const blockTicks = Math.max(blockTicksMin, Math.min(blockTicksMax, Math.floor(cellsMax / Math.max(1, rowCount))));
  const grids = new Map<number, TickGrid>();
  const plans = groups.flatMap((group) => {
    const grid = grids.get(group.rule.timing.everyMs) ?? createTickGrid(group.rule.timing.everyMs, blockTicks);
    grids.set(grid.everyMs, grid);
    return group.assets.map((_, row) => planRow(group, row, grid, blockTicks));
  });
  for (const grid of grids.values()) grid.allocate();
  const watch = createWatchColumns(evaluation.layout);
  const rows = plans.map(createRow);
  for (const { group } of plans) knowledge?.set(group.rule.id, knowledge.get(group.rule.id) ?? false);
  let nextMs = Math.ceil(warmFromMs / everyMs) * everyMs;
  return { warmupMs: evaluation.warmupMs, advance };

  function advance(columns: ReadonlyMap<string, PointColumn>, throughMs: number, closes = false): Effect[] {
    const effects: Effect[] = [];
    const endOf = (stepMs: number) =>
      (closes ? Math.ceil(throughMs / stepMs) : Math.floor(throughMs / stepMs)) * stepMs;
    if (!Number.isFinite(everyMs)) return effects;
    const series: PointColumn[] = [];
    for (const { id } of points) {
      const column = columns.get(id);
      if (column) for (const index of evaluation.pointIndexes(id)) series[index] = column;
    }
    for (const grid of grids.values()) grid.take(series);
    watch.take(series);
    const endMs = Math.max(endOf(everyMs), ...[...grids.keys()].map(endOf));
    while (nextMs <= endMs) {
      const lastMs = Math.min(nextMs + (blockTicks - 1) * everyMs, endMs);
      for (const grid of grids.values()) grid.fill(Math.ceil(nextMs / grid.everyMs), Math.floor(lastMs / grid.everyMs));
      for (const row of rows) {
        judge(row, nextMs, Math.min(lastMs, endOf(row.plan.grid.everyMs)));
        if (knowledge) noteKnown(row, knowledge);
      }
      const firstMs = Math.max(nextMs, Math.ceil(fromMs / everyMs) * everyMs);
      stepAwake(evaluation, rows, { firstMs, lastMs, endMs: endOf(everyMs), effects, reach: watch.reach });
      nextMs = lastMs + everyMs;
    }
    return effects;
  }
}

// A block's columns of one air handler fit into the second cache of a processor; many linked assets share that many cells.
const blockTicksMax = 1024;
const blockTicksMin = 16;
const cellsMax = 400_000;

const none = new Float64Array(0);

/** A rule on an asset: its plan, its loop, and what the loop works on. */
type Row = { plan: RowPlan; loop: Loop; input: LoopInput; read: (row: number, tMs: number) => void };

function createRow(plan: RowPlan): Row {
  const { group, row, grid, conditions, changes } = plan;
  const { scratch, holds } = group;
  const input: LoopInput = {
    v: scratch.values,
    p: scratch.params,
    w: scratch.windows,
    columns: plan.slots.map(({ column }) => column.memory),
    results: plan.shared.map(({ column }) => column.results),
    ...functionsOf(plan),
    feeds: plan.passes.map(({ feed, readWindows }) => (place) => {
      feed(place);
      readWindows(place);
    }),
    known: holds?.known ?? none,
    knownAt: holds?.knownAt ?? none,
    cell: row * (holds?.watched.length ?? 0),
    forMs: holds?.forMs ?? 0,
    everyMs: grid.everyMs,
    onChange: (tMs) => {
      changes.push(tMs);
    },
    conditions,
    first: 0,
    from: 0,
    to: -1,
    place: 0,
    length: grid.length(),
    at: new Float64Array(1),
  };
  return { plan, loop: loopOf(plan), input, read: (_, tMs) => readRow(plan, tMs / grid.everyMs) };
}

/** The condition at every tick of a block, and when hold-offs began. */
function judge({ plan, loop, input }: Row, firstMs: number, lastMs: number): void {
  const { group, row, grid } = plan;
  plan.first = Math.ceil(firstMs / grid.everyMs);
  plan.last = Math.floor(lastMs / grid.everyMs);
  plan.changes.length = 0;
  plan.changedBefore = group.holds?.changedAt[row] ?? Number.NEGATIVE_INFINITY;
  input.first = plan.first;
  for (let tick = plan.first; tick <= plan.last; tick = input.to + 1) {
    const { params, untilMs } = begin(plan, tick * grid.everyMs);
    input.p = params;
    input.from = tick;
    input.to = Math.min(plan.last, Math.ceil(untilMs / grid.everyMs) - 1);
    input.place = grid.placeOf(tick);
    try {
      loop(input);
    } catch {
      // It throws again when the machine is stepped, and is told of there.
      input.to = input.at[0] as number;
      plan.conditions[input.to - plan.first] = threw;
    }
  }
}

function noteKnown({ plan: { group, conditions, first, last } }: Row, knowledge: Knowledge): void {
  if (knowledge.get(group.rule.id)) return;
  if (conditions.subarray(0, Math.max(0, last - first + 1)).some((truth) => truth !== isUnknown)) {
    knowledge.set(group.rule.id, true);
  }
}

/** After `endMs` there are only closing ticks of rules that have fewer ticks than others. */
type Stepping = { firstMs: number; lastMs: number; endMs: number; effects: Effect[]; reach: (tMs: number) => void };

/** Steps machines tick by tick, in the order of the rules; those at rest only where their condition is true. */
function stepAwake(
  evaluation: Evaluation,
  rows: readonly Row[],
  { firstMs, lastMs, endMs, effects, reach }: Stepping,
): void {
  const dueMs = Float64Array.from(rows, ({ plan }) => nextDueMs(plan, firstMs));
  for (let nextMs = firstMs; ; ) {
    let tMs = evaluation.builtIns.isIdle() || nextMs > endMs ? Number.POSITIVE_INFINITY : nextMs;
    for (let i = 0; i < dueMs.length; i++) if ((dueMs[i] as number) < tMs) tMs = dueMs[i] as number;
    if (tMs > lastMs) break;
    for (let i = 0; i < rows.length; i++) {
      if (dueMs[i] !== tMs) continue;
      const row = rows[i] as Row;
      stepRow(evaluation, row, tMs, effects);
      dueMs[i] = nextDueMs(row.plan, tMs + 1);
    }
    nextMs = tMs + evaluation.everyMs;
    if (tMs > endMs) continue;
    reach(tMs);
    evaluation.builtIns.step(tMs, effects);
  }
  for (const { plan } of rows) {
    const { group, row, changes, changedBefore } = plan;
    if (group.holds) group.holds.changedAt[row] = changes.at(-1) ?? changedBefore;
  }
}

/** When the machine has to be stepped next, not before `fromMs`; Infinity when not in this block. */
function nextDueMs({ group, row, grid, conditions, first, last }: RowPlan, fromMs: number): number {
  const from = Math.max(first, Math.ceil(fromMs / grid.everyMs));
  if (from > last) return Number.POSITIVE_INFINITY;
  if (group.machines[row] !== undefined || group.failed[row]) return from * grid.everyMs;
  for (let tick = from; tick <= last; tick++)
    if ((conditions[tick - first] as number) >= isTrue) return tick * grid.everyMs;
  return Number.POSITIVE_INFINITY;
}

function stepRow(evaluation: Evaluation, { plan, read }: Row, tMs: number, effects: Effect[]): void {
  const { group, row, changes, changedBefore } = plan;
  if (group.holds) group.holds.changedAt[row] = changes.findLast((changedMs) => changedMs <= tMs) ?? changedBefore;
  evaluation.evaluate(group, row, tMs, read, effects);
}
