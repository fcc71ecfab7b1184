import type { RuleAsset, RulePoint } from '../kernel/bind.ts';
import { type Layout, layOut } from '../kernel/layout.ts';
import type { RuleReading } from '../kernel/replay.ts';
import type { Rule, RuleFit, RuleParam, RuleSet } from '../language/rule.ts';
import { isTrue } from '../language/truth.ts';
import { localDay } from './back-test.ts';

/**
 * Parameters of an asset found from days on which it was healthy. A rule says for each parameter that must be fitted which
 * expression tells it, when that counts, and which quantile of it is meant:
 *
 *   readings ─by day─▶ the rule's inputs at each tick ─where, not held off─▶ values ─quantile, times, plus─▶ value in min..max
 *
 * Fits run in the order of rules and of their parameters, and each sees those before it: the share of outdoor air at the minimum
 * position needs that position. Of rules that fit the same parameter the first that can wins.
 */
export type FitInput = {
  ruleSet: RuleSet;
  assets: { asset: RuleAsset; points: RulePoint[] }[];
  /** In the order of time. */
  readings: readonly RuleReading[];
  /** In which a day begins. */
  zone: string;
  /** The healthy days, as 2008-08-27; all days of the readings when absent. */
  days?: ReadonlySet<string>;
};

export type FittedAsset = {
  asset: string;
  days: string[];
  params: FittedParam[];
  /** Parameters that the readings do not tell, and why. */
  problems: { name: string; rule: string; reason: string }[];
};

/** A fitted parameter in its own unit; `count` values lay between `least` and `greatest`, in the unit of the expression. */
export type FittedParam = {
  name: string;
  value: number;
  unit: string | null;
  rule: string;
  count: number;
  least: number;
  greatest: number;
};

/** Fits what the rules of a set say how to fit, for each asset. A parameter without an hour of values is a problem, not a guess. */
export function fitParams({ ruleSet, assets, readings, zone, days }: FitInput): FittedAsset[] {
  return assets.map(({ asset, points }) => {
    const byDay = readingsByDay(readings, new Set(points.map(({ id }) => id)), zone, days);
    const fitted: FittedAsset = { asset: asset.name, days: [...byDay.keys()], params: [], problems: [] };
    const params: Record<string, number> = { ...asset.params };
    const done = new Set<string>();
    for (const rule of ruleSet.rules) {
      for (const fit of rule.fits) {
        if (done.has(fit.param)) continue;
        const filled = { ...asset, params: { ...placeholders(rule), ...params } };
        const only = { ...ruleSet, overrides: [], rules: [{ ...rule, ...rule.fitWindows, enabled: true }] };
        const found = valuesOf(fit, () => layOut(only, [{ asset: filled, points }]), [...byDay.values()]);
        if (found === null) continue;
        const param = rule.params.find(({ name }) => name === fit.param) as RuleParam;
        const hourTicks = 3_600_000 / rule.timing.everyMs;
        if ('reason' in found || found.length < hourTicks) {
          const reason = 'reason' in found ? found.reason : `only ${found.length} values, fewer than an hour's`;
          fitted.problems.push({ name: fit.param, rule: rule.id, reason });
          continue;
        }
        const value = fittedValue(fit, param, found);
        params[fit.param] = value;
        done.add(fit.param);
        fitted.params.push({ name: fit.param, value, unit: param.unit?.id ?? null, rule: rule.id, ...extent(found) });
      }
    }
    return { ...fitted, problems: fitted.problems.filter(({ name }) => !done.has(name)) };
  });
}

/** The fitted parameters as YAML to put under an asset, with what each rests on beside it. */
export function formatFits(fitted: readonly FittedAsset[]): string {
  return fitted
    .map(({ asset, days, params, problems }) => {
      const lines = params.map(({ name, value, unit, rule, count, least, greatest }) => {
        const basis = `${rule}: ${count} values from ${rounded(least)} to ${rounded(greatest)}`;
        return `  ${name}: ${value} # ${unit === null ? '' : `${unit}, `}${basis}`;
      });
      const missing = problems.map(({ name, rule, reason }) => `  # ${name} (${rule}) is not fitted: ${reason}`);
      const head = `# ${asset}, from ${days.length} ${days.length === 1 ? 'day' : 'days'}`;
      return [head, lines.length > 0 ? 'params:' : 'params: {}', ...lines, ...missing].join('\n');
    })
    .join('\n');
}

function readingsByDay(
  readings: readonly RuleReading[],
  points: ReadonlySet<string>,
  zone: string,
  days: ReadonlySet<string> | undefined,
): Map<string, RuleReading[]> {
  const byDay = new Map<string, RuleReading[]>();
  for (const reading of readings) {
    if (!points.has(reading.point)) continue;
    const day = localDay(reading.at, zone);
    if (days && !days.has(day)) continue;
    const own = byDay.get(day);
    if (own) own.push(reading);
    else byDay.set(day, [reading]);
  }
  return byDay;
}

/** A parameter that the asset must state stands in the middle of its bounds until it is fitted, so that the rule can be bound. */
function placeholders({ params }: Rule): Record<string, number> {
  return Object.fromEntries(
    params.flatMap(({ name, default: value, min, max }) =>
      value === null ? [[name, Number.isFinite(min + max) ? (min + max) / 2 : 0]] : [],
    ),
  );
}

/** The values that count, day by day with fresh memory; null where the rule is for assets of another class. */
function valuesOf(fit: RuleFit, lay: () => Layout, days: RuleReading[][]): number[] | { reason: string } | null {
  const { groups, missing } = lay();
  if (missing.length > 0) return { reason: missing.map(({ input, reason }) => `${input}: ${reason}`).join('; ') };
  if (groups.length === 0) return null;
  return days.flatMap((readings) => valuesOfDay(fit, lay(), readings));
}

function valuesOfDay(fit: RuleFit, { groups, points, indexes }: Layout, readings: RuleReading[]): number[] {
  const values: number[] = [];
  const [group] = groups;
  const [first, last] = [readings[0], readings.at(-1)];
  if (!group || !first || !last) return values;
  const { everyMs } = group.rule.timing;
  let next = 0;
  for (let tMs = Math.ceil(first.at / everyMs) * everyMs; tMs <= last.at; tMs += everyMs) {
    for (; next < readings.length && (readings[next] as RuleReading).at <= tMs; next++) {
      const { point, at, value, quality } = readings[next] as RuleReading;
      for (const index of indexes.get(point) ?? []) points.observe(index, at, value, quality);
    }
    points.apply(tMs);
    group.read(0, tMs);
    const { values: inputs, params, windows } = group.scratch;
    const counts = fit.where === null || fit.where(inputs, params, windows) === isTrue;
    const value = fit.of(inputs, params, windows);
    if (counts && Number.isFinite(value) && !group.isSuspended(0, tMs)) values.push(value);
  }
  return values;
}

/** The quantile by the nearest rank: a value that was seen, so that a position that is held comes out as it is. */
function fittedValue({ quantile, times, plus }: RuleFit, { min, max }: RuleParam, values: number[]): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(quantile * sorted.length) - 1));
  return rounded(Math.min(max, Math.max(min, (sorted[rank] as number) * times + plus)));
}

function extent(values: number[]): { count: number; least: number; greatest: number } {
  const least = values.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
  const greatest = values.reduce((one, other) => Math.max(one, other), Number.NEGATIVE_INFINITY);
  return { count: values.length, least, greatest };
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}
