/** What the next run of retention would drop, by table, site and class, and what holds it back; a dry run of `retain`. */
import type { Db } from '../../platform/database.ts';
import { type PlannedGroup, planRetention, type Retention } from './retain.ts';
import type { KeptTable, Policy } from './retention.ts';
import type { TablePlan } from './retention-plan.ts';
import { estimateRows, type Going } from './retention-store.ts';

/** Rows that would go: of the points of one class at one site, from one table. */
export type Loss = {
  readonly table: KeptTable;
  readonly tenantId: string;
  readonly site: string;
  readonly class: string | null;
  readonly keptForDays: number;
  readonly points: number;
  readonly fromMs: number;
  readonly beforeMs: number;
  /** About how many, by the roll-ups of their days. */
  readonly rows: number;
  /** About how much, by the size of the pieces that they lie in; null before the database has counted their rows. */
  readonly bytes: number | null;
};

/** Readings that stay although they are old enough, for the evidence of an open insight. */
export type Held = {
  readonly insightId: string;
  readonly site: string;
  readonly points: number;
  readonly fromMs: number;
  readonly throughMs: number;
};

/** Rows that stay although they are old enough: the piece that they lie in, or an earlier one, was made too recently. */
export type Waiting = Omit<Loss, 'bytes'> & {
  /** When that piece was made, and until when it stays for that. */
  readonly madeMs: number;
  readonly untilMs: number;
};

export type RetentionReport = {
  /** Nothing that is younger goes: it waits to be rolled up. */
  readonly settledMs: number;
  readonly losses: readonly Loss[];
  readonly held: readonly Held[];
  readonly waiting: readonly Waiting[];
};

export type Asked = {
  readonly nowMs: number;
  /** Instead of those in force. */
  readonly policies?: readonly Policy[];
  /** Of which points to tell; absent: of all. */
  readonly isShown?: (group: { tenantId: string; siteId: string }) => boolean;
};

/** What would go at `nowMs`. Reads the roll-ups by day, so that it costs a row for each day and point that would lose any. */
export async function reportRetention(db: Db, retention: Retention, asked: Asked): Promise<RetentionReport> {
  const { groups, plans, settledMs } = await planRetention(db, retention, asked);
  const shown = groups.filter(asked.isShown ?? (() => true));
  const losses: Loss[] = [];
  const waiting: Waiting[] = [];
  for (const plan of plans) {
    losses.push(...(await lossesOf(db, plan, shown)));
    waiting.push(...(await waitingOf(db, plan, shown)));
  }
  return { settledMs, losses, held: plans.flatMap((plan) => heldIn(plan, shown)), waiting };
}

async function lossesOf(db: Db, plan: TablePlan, groups: readonly PlannedGroup[]): Promise<Loss[]> {
  const rowBytes = rowBytesOf(plan);
  const found = await countRows(db, plan.table, { groups, find: plan.findLoss });
  return found.map(({ spans: _, ...counted }) => ({
    ...counted,
    bytes: rowBytes === undefined ? null : Math.round(counted.rows * rowBytes),
  }));
}

async function waitingOf(db: Db, plan: TablePlan, groups: readonly PlannedGroup[]): Promise<Waiting[]> {
  const found = await countRows(db, plan.table, { groups, find: plan.findWait });
  return found.map(({ spans, ...counted }) => {
    const { madeMs, untilMs } = spans.reduce((last, one) => (one.untilMs > last.untilMs ? one : last));
    return { ...counted, madeMs, untilMs };
  });
}

type Span = { readonly fromMs: number; readonly beforeMs: number };
type Finding<S> = { readonly groups: readonly PlannedGroup[]; readonly find: (seriesId: number) => S | undefined };

/** What is found of the series of each group, and about how many rows lie there; groups without any are left out. */
async function countRows<S extends Span>(db: Db, table: KeptTable, { groups, find }: Finding<S>) {
  const going: (Going & { span: S })[] = groups.flatMap(({ seriesIds }, group) =>
    seriesIds.flatMap((seriesId) => {
      const span = find(seriesId);
      return span ? [{ seriesId, group, fromMs: span.fromMs, beforeMs: span.beforeMs, span }] : [];
    }),
  );
  if (going.length === 0) return [];
  const byGroup = Map.groupBy(going, ({ group }) => group);
  return [...(await estimateRows(db, table, going))].map(([index, rows]) => {
    const { tenantId, site, class: name, keep } = groups[index] as PlannedGroup;
    const spans = (byGroup.get(index) ?? []).map(({ span }) => span);
    return {
      ...{ table, tenantId, site, class: name, keptForDays: keep[table], points: spans.length },
      fromMs: spans.reduce((least, { fromMs }) => Math.min(least, fromMs), Number.POSITIVE_INFINITY),
      beforeMs: spans.reduce((most, { beforeMs }) => Math.max(most, beforeMs), Number.NEGATIVE_INFINITY),
      rows,
      spans,
    };
  });
}

function rowBytesOf({ drops, deletions }: TablePlan): number | undefined {
  const pieces = [...new Set([...drops, ...deletions.map(({ piece }) => piece)])].filter(({ rows }) => rows !== null);
  const rows = pieces.reduce((sum, piece) => sum + (piece.rows ?? 0), 0);
  return rows === 0 ? undefined : pieces.reduce((sum, { bytes }) => sum + bytes, 0) / rows;
}

function heldIn({ holding }: TablePlan, groups: readonly PlannedGroup[]): Held[] {
  const siteOf = new Map(groups.flatMap(({ site, seriesIds }) => seriesIds.map((id) => [id, site] as const)));
  const held = new Map<string, Held>();
  for (const { insightId, seriesId, fromMs, throughMs } of holding) {
    const site = siteOf.get(seriesId);
    if (site === undefined) continue;
    const before = held.get(insightId) ?? { insightId, site, points: 0, fromMs, throughMs };
    held.set(insightId, {
      ...before,
      points: before.points + 1,
      fromMs: Math.min(before.fromMs, fromMs),
      throughMs: Math.max(before.throughMs, throughMs),
    });
  }
  return [...held.values()];
}
