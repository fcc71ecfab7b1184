import type { RuleReading } from '../../src/rules/kernel/replay.ts';
import { hot, type RuleShape, type Sight } from './plain-conditions.ts';
import type { Plant } from './random-plant.ts';

type Look = {
  readings: Map<string, RuleReading[]>;
  plant: Plant;
  rule: string;
  asset: string;
  shape: RuleShape;
  everyMs: number;
  minuteMs: number;
  tMs: number;
};

/** What a condition sees of an asset at `tMs`; nothing before `fromMs`. */
export function look({ readings, plant, rule, asset, shape, everyMs, minuteMs, tMs }: Look): Sight {
  const staleMs = shape.staleMinutes * minuteMs;
  const tick = (back: number) => tMs - back * everyMs;
  const isSeen = (back: number) => tick(back) >= plant.fromMs;
  const of = (name: string) => readings.get(name.includes('.') ? name : `${asset}.${name}`) ?? [];
  const value = (
    name: string,
    atMs: number,
    carryMs: number,
    valid = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  ) => {
    // Of several readings of one instant a bad one wins, then the greatest.
    const lastMs = of(name).findLast(({ at }) => at <= atMs)?.at;
    const last = of(name).filter(({ at }) => at === lastMs);
    if (lastMs === undefined || atMs - lastMs > carryMs || last.some(({ quality }) => quality !== 0)) return undefined;
    const one = Math.max(...last.map(({ value: each }) => each));
    return one >= (valid[0] as number) && one <= (valid[1] as number) ? one : undefined;
  };
  const truth = (one: number | undefined) => (one === undefined ? undefined : one !== 0);
  const x = (back = 0) => (isSeen(back) ? value('x', tick(back), staleMs, [5, 50]) : undefined);
  const inTick = (back: number) =>
    of('x')
      .filter(({ at }) => at > tick(back + 1) && at <= tick(back))
      .filter(({ quality, value: one }) => quality === 0 && one >= 5 && one <= 50)
      .map(({ value: one }) => one);
  const extreme = (back: number, pick: (...values: number[]) => number) => {
    const values = isSeen(back) ? inTick(back) : [];
    return values.length > 0 ? pick(...values) : x(back);
  };
  return {
    x,
    y: (back = 0) => (isSeen(back) ? value('y', tick(back), 3 * minuteMs) : undefined),
    f: (back = 0) => (isSeen(back) ? truth(value('f', tick(back), staleMs)) : undefined),
    mode: (back = 0) => {
      if (!isSeen(back)) return undefined;
      const fan = truth(value('f', tick(back), 3 * minuteMs));
      const air = value('x', tick(back), 2 * minuteMs);
      if (fan === undefined || (fan && air === undefined)) return undefined;
      return fan ? ((air as number) > 15 ? 2 : 1) : 0;
    },
    // Each air handler feeds the next by the alphabet; the first has none above it.
    up: (back = 0) =>
      isSeen(back) && asset !== 'a' ? value(`${asset === 'b' ? 'a' : 'b'}.x`, tick(back), staleMs) : undefined,
    airOfDerived: (back = 0) => (isSeen(back) ? value('x', tick(back), 2 * minuteMs) : undefined),
    leastX: (back = 0) => extreme(back, Math.min),
    greatestX: (back = 0) => extreme(back, Math.max),
    limit: (back = 0) => variantOf(plant, rule, asset, tick(back)).limit,
    cover: shape.coverPercent,
  };
}

/** The parameter and the switch of a rule on an asset under the overrides of an instant: those of the asset win over those of all. */
export function variantOf({ overrides, shapes }: Plant, rule: string, asset: string, atMs: number) {
  const own = overrides
    .filter((one) => one.rule === rule || one.rule === '*')
    .filter((one) => one.asset === asset || one.asset === null)
    .filter(({ sinceMs, untilMs }) => sinceMs <= atMs && (untilMs === null || atMs < untilMs))
    .map((one, order) => ({ one, ranks: [one.asset === null, one.rule === '*', -one.sinceMs, -order].map(Number) }))
    .sort((a, b) => a.ranks.map((rank, i) => rank - (b.ranks[i] ?? 0)).find((difference) => difference !== 0) ?? 0)
    .map(({ one }) => one);
  const switches = own.flatMap((one) => one.enabled ?? []);
  const enabled = switches.find((one) => one !== 'paused') ?? (shapes[rule]?.isShadow ? 'shadow' : true);
  const limit = own.find(({ params }) => params.limit !== undefined)?.params.limit ?? 15;
  return { limit, enabled, isPaused: switches[0] === 'paused' };
}

/** The schedule says no, or a watched value changed less than the hold-off ago. */
export function isGated(
  { active, holdOff, holdTicks }: RuleShape,
  { atMs, fromMs, everyMs, zone }: { atMs: number; fromMs: number; everyMs: number; zone: string },
  sight: (tMs: number) => Sight,
): boolean {
  // Schedules are in calendar time, whatever the scale.
  if (active !== null && !isWithin(active, minuteOfDay(atMs, zone))) return true;
  if (holdOff === null) return false;
  const holdMs = holdTicks * everyMs;
  const firstMs = Math.ceil(fromMs / everyMs) * everyMs;
  const known: { atMs: number; value: unknown }[] = [];
  for (let tMs = firstMs; tMs <= atMs; tMs += everyMs) {
    const see = sight(tMs);
    const value = holdOff === 'hot' ? hot(see) : see[holdOff]();
    if (value !== undefined) known.push({ atMs: tMs, value });
  }
  const changes = known.filter(({ atMs: tMs, value }, index) => {
    const before = known[index - 1];
    return before === undefined || before.value !== value || tMs - before.atMs > holdMs;
  });
  const last = changes.at(-1);
  return last !== undefined && atMs - last.atMs < holdMs;
}

function isWithin({ from, to }: { from: number; to: number }, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function minuteOfDay(atMs: number, timeZone: string): number {
  const clock = clocks.get(timeZone) ?? new Intl.DateTimeFormat('en-GB', { timeZone, timeStyle: 'short' });
  clocks.set(timeZone, clock);
  const [hour = 0, minute = 0] = clock.format(atMs).split(':').map(Number);
  return hour * 60 + minute;
}
