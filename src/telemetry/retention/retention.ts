/**
 * How long telemetry is kept: by the settings of the installation, and otherwise where a tenant's policy says so.
 *
 *   all points ◀── of a site, of a class ◀── of a class at a site        the nearer one counts, of each table by itself
 *
 * Where one policy names the site and another the class, the longer time counts. A wider roll-up is kept at least as long as what
 * it was made of. Days of UTC go as a whole; the roll-ups by day are kept for ever.
 */
import { z } from 'zod';
import { canonicalClass, depthOf, isSubclassOf } from '../../assets/brick-classes.ts';
import { keptDaysForm, readDays } from '../../platform/kept-days.ts';
import type { TimeTable } from '../storage/time-table.ts';

/** The tables of which something may go, from the narrowest to the widest, and what people call them. */
export const kept = ['reading', 'rollup_1m', 'rollup_15m', 'rollup_1h'] as const satisfies readonly TimeTable[];
export type KeptTable = (typeof kept)[number];
export const widthOf = { reading: 'raw', rollup_1m: '1m', rollup_15m: '15m', rollup_1h: '1h' } as const;

/** For how many days each is kept; Infinity is for ever. */
export type Keep = Readonly<Record<KeptTable, number>>;

export const dayMs = 86_400_000;

/** A time for which something is kept, as it is written. */
export const KeptFor = z
  .string()
  .max(16)
  .refine((given) => readDays(given) !== undefined, `must be ${keptDaysForm}`)
  .meta({ description: `How long: ${keptDaysForm}.`, example: '400d' });

/** What the settings say when they are absent. */
export const keepDefault: Keep = {
  reading: 400,
  rollup_1m: 3 * 365,
  rollup_15m: 10 * 365,
  rollup_1h: Number.POSITIVE_INFINITY,
};

export type Policy = {
  readonly tenantId: string;
  /** Null for all sites of the tenant. */
  readonly siteId: string | null;
  /** With its subclasses; null for points of any class and of none. */
  readonly class: string | null;
  /** Days, where it says something of that table. */
  readonly keep: Readonly<Partial<Keep>>;
};

/** What a policy is asked about: the points of one class at one site. */
type Place = { readonly tenantId: string; readonly siteId: string; readonly class: string | null };

/** How long the points of a place are kept. */
export function keepOf(
  place: Place,
  { policies, installation }: { policies: readonly Policy[]; installation: Keep },
): Keep {
  const matching = policies.filter((policy) => isFor(policy, place));
  const days = {} as Record<KeptTable, number>;
  let least = 0;
  for (const table of kept) {
    const said = matching.filter(({ keep }) => keep[table] !== undefined);
    least = Math.max(least, longestOfNearest(said, table) ?? installation[table]);
    days[table] = least;
  }
  return days;
}

function isFor(policy: Policy, place: Place): boolean {
  if (policy.tenantId !== place.tenantId) return false;
  if (policy.siteId !== null && policy.siteId !== place.siteId) return false;
  return policy.class === null || (place.class !== null && isSubclassOf(place.class, policy.class));
}

function longestOfNearest(said: readonly Policy[], table: KeptTable): number | undefined {
  if (said.length === 0) return undefined;
  const nearness = Math.max(...said.map(nearnessOf));
  const nearest = said.filter((policy) => nearnessOf(policy) === nearness);
  const depth = Math.max(...nearest.map(classDepth));
  const days = nearest
    .filter((policy) => policy.class === null || classDepth(policy) === depth)
    .map(({ keep }) => keep[table] ?? 0);
  return Math.max(...days);
}

function nearnessOf({ siteId, class: name }: Policy): number {
  return (siteId === null ? 0 : 1) + (name === null ? 0 : 1);
}

function classDepth({ class: name }: Policy): number {
  return name === null ? -1 : depthOf(canonicalClass(name));
}

/** Which of the times is shorter than the one before it, if any: a roll-up that would go before what it was made of. */
export function findDisorder(keep: Readonly<Partial<Keep>>): { table: KeptTable; before: KeptTable } | undefined {
  let before: KeptTable | undefined;
  for (const table of kept) {
    const days = keep[table];
    if (days === undefined) continue;
    if (before !== undefined && days < (keep[before] ?? 0)) return { table, before };
    before = table;
  }
  return undefined;
}

/** The midnight (UTC) before which what is kept for `days` may go at `nowMs`; -Infinity where it is kept for ever. */
export function cutoffOf(days: number, nowMs: number): number {
  return days === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : floorDay(nowMs) - days * dayMs;
}

/** The midnight (UTC) at or before an instant. */
export function floorDay(timeMs: number): number {
  return Number.isFinite(timeMs) ? Math.floor(timeMs / dayMs) * dayMs : timeMs;
}
