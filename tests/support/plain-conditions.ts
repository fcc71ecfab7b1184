/**
 * The conditions of random rules, each as a rule writes it and as plain code over what can be seen from a tick. `undefined` is
 * unknown. The code shares nothing with the compiler or the windows of the kernel.
 */
export type Condition = { text: string; isWhen: boolean; means: (see: Sight) => boolean | undefined };

/** What is seen of one asset `back` ticks before now: values, and the extremes of the readings within that tick. */
export type Sight = {
  x(back?: number): number | undefined;
  y(back?: number): number | undefined;
  f(back?: number): boolean | undefined;
  mode(back?: number): number | undefined;
  /** The air of the unit upstream. */
  up(back?: number): number | undefined;
  /** The air as the derived values see it, which have limits of their own. */
  airOfDerived(back?: number): number | undefined;
  leastX(back?: number): number | undefined;
  greatestX(back?: number): number | undefined;
  limit(back?: number): number;
  cover: number;
};

export type RuleShape = {
  when: Condition;
  clear: Condition | null;
  every: number;
  forTicks: number;
  clearTicks: number;
  gapTicks: number;
  staleMinutes: number;
  holdTicks: number;
  holdOff: 'f' | 'hot' | 'mode' | null;
  reopenMinutes: number;
  active: { from: number; to: number } | null;
  workOrderMinutes: number | null;
  coverPercent: number;
  isShadow: boolean;
  noDataMinutes: number;
};

type Maybe = boolean | undefined;

const and = (a: Maybe, b: Maybe): Maybe =>
  a === false || b === false ? false : a === undefined || b === undefined ? undefined : true;
const or = (a: Maybe, b: Maybe): Maybe =>
  a === true || b === true ? true : a === undefined || b === undefined ? undefined : false;
const over = (a: number | undefined, b: number | undefined): Maybe =>
  a === undefined || b === undefined ? undefined : a > b;
const under = (a: number | undefined, b: number | undefined): Maybe => over(b, a);
const minus = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a - b;

/** Is the fan's air hotter than the limit? */
export const hot = (see: Sight, back = 0): Maybe => over(see.x(back), see.limit(back));

/** The usable values of the last `ticks`, oldest first; undefined when too few. */
function windowOf<Value>(see: Sight, ticks: number, read: (back: number) => Value | undefined): Value[] | undefined {
  const all = Array.from({ length: ticks }, (_, index) => read(ticks - 1 - index));
  const usable = all.filter((value) => value !== undefined);
  return usable.length === 0 || usable.length * 100 < see.cover * ticks ? undefined : usable;
}

const mean = (values: number[] | undefined) => values && values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values: number[] | undefined): number | undefined {
  const middle = mean(values);
  return middle === undefined ? undefined : Math.sqrt(mean((values ?? []).map((value) => (value - middle) ** 2)) ?? 0);
}

/** Pairs of consecutive usable values, the last one before the window included where it was usable just then. */
function steps<Value>(
  see: Sight,
  ticks: number,
  read: (back: number) => Value | undefined,
): [Value, Value][] | undefined {
  const inside = windowOf(see, ticks, read);
  const before = read(ticks);
  const all = inside && (before === undefined ? inside : [before, ...inside]);
  return all?.slice(1).map((value, index) => [all[index] as Value, value]);
}

const x = (see: Sight) => (back: number) => see.x(back);
const f = (see: Sight) => (back: number) => see.f(back);

function held(see: Sight, ticks: number, read: (back: number) => Maybe): Maybe {
  const all = Array.from({ length: ticks }, (_, index) => read(index));
  return all.includes(false) ? false : windowOf(see, ticks, read) && true;
}

/** The derived value that is a mean of three ticks. */
const smooth = (see: Sight, back = 0) => mean(windowOf(see, 3, (further) => see.airOfDerived(back + further)));

const count = (pairs: unknown[] | undefined) => pairs?.length;
const isStart = ([before, now]: [boolean, boolean]) => !before && now;
const isChange = ([before, now]: [unknown, unknown]) => before !== now;

const when = (text: string, means: Condition['means']): Condition => ({ text, isWhen: true, means });
const clear = (text: string, means: Condition['means']): Condition => ({ text, isWhen: false, means });

export const conditions: Condition[] = [
  when('x > limit', (see) => over(see.x(), see.limit())),
  when('f && x > limit', (see) => and(see.f(), hot(see))),
  when('f && hot', (see) => and(see.f(), hot(see))),
  when('mode == 2 && x > 14', (see) => and(see.mode() === undefined ? undefined : see.mode() === 2, over(see.x(), 14))),
  when('known(up) ? x > up : x > 15', (see) => over(see.x(), see.up() ?? 15)),
  when("avg(up, '3m') > 15 && f", (see) => and(over(mean(windowOf(see, 3, see.up)), 15), see.f())),
  when('smooth > 15', (see) => over(smooth(see), 15)),
  when("delta(smooth, '2m') > 0 || lowest(smooth, '2m') >= 16", (see) => {
    const least = windowOf(see, 2, (back) => smooth(see, back));
    return or(over(minus(smooth(see), smooth(see, 2)), 0), least && Math.min(...least) >= 16);
  }),
  when('known(y) ? x > y : x > 15', (see) => over(see.x(), see.y() ?? 15)),
  when("avg(x, '3m') > 15", (see) => over(mean(windowOf(see, 3, x(see))), 15)),
  when("avg(x, '15m') > 15", (see) => over(mean(windowOf(see, 15, x(see))), 15)),
  when("lowest(x, '3m') > 14 && highest(x, '2m') < 20", (see) => {
    const least = windowOf(see, 3, see.leastX);
    const greatest = windowOf(see, 2, see.greatestX);
    return and(over(least && Math.min(...least), 14), under(greatest && Math.max(...greatest), 20));
  }),
  when("highest(x, '4m') >= 20", (see) => {
    const greatest = windowOf(see, 4, see.greatestX);
    return greatest && Math.max(...greatest) >= 20;
  }),
  when("starts(f, '5m') >= 2", (see) => {
    const starts = steps(see, 5, f(see))?.filter(isStart).length;
    return starts === undefined ? undefined : starts >= 2;
  }),
  when("changes(x, '4m') > 2", (see) => over(count(steps(see, 4, x(see))?.filter(isChange)), 2)),
  when("changes(x, '5m') >= 1", (see) => {
    const changes = steps(see, 5, x(see))?.filter(isChange).length;
    return changes === undefined ? undefined : changes >= 1;
  }),
  when("starts(f, '3m') >= 1", (see) => {
    const starts = steps(see, 3, f(see))?.filter(isStart).length;
    return starts === undefined ? undefined : starts >= 1;
  }),
  when("held(x > 15, '3m')", (see) => held(see, 3, (back) => over(see.x(back), 15))),
  when("duty(f, '4m') > 0.4", (see) => over(mean(windowOf(see, 4, (back) => toNumber(see.f(back)))), 0.4)),
  when("delta(x, '2m') > 0 || rate(x, '4m') > 25", (see) =>
    or(over(minus(see.x(), see.x(2)), 0), over(minus(see.x(), see.x(4)), 25 / 15)),
  ),
  when("ago(x, '3m') > 15 && x > 14", (see) => and(over(see.x(3), 15), over(see.x(), 14))),
  when("ago(x, '12m') > 15 && x > 14", (see) => and(over(see.x(12), 15), over(see.x(), 14))),
  when("stddev(x, '3m') > 1", (see) => over(deviation(windowOf(see, 3, x(see))), 1)),
  clear('x < 14', (see) => under(see.x(), 14)),
  clear('x < 14.125 && f', (see) => and(under(see.x(), 14.125), see.f())),
  clear("avg(x, '2m') < 14.5", (see) => under(mean(windowOf(see, 2, x(see))), 14.5)),
];

const toNumber = (truth: Maybe) => (truth === undefined ? undefined : Number(truth));
