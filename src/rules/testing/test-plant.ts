import { isSubclassOf } from '../../assets/brick-classes.ts';
import type { RuleAsset, RulePoint } from '../kernel/bind.ts';
import { findDurationMs } from '../language/durations.ts';
import type { Override } from '../language/override.ts';
import type { InputFrom, Rule, RuleInput } from '../language/rule.ts';
import type { RuleTestFile } from '../language/rule-file.ts';
import { suggest } from '../language/suggestion.ts';

/**
 * The assets of a rule test, made to fit the names of its series:
 *
 *   the asset            has the points of the rule under test, and of rules beside it that apply to its class
 *     └ upstream         one for each class that inputs ask for upstream, or that rules beside it apply to
 *   the site             has the points that inputs take from the site
 */
export type TestAsset = { asset: RuleAsset; points: RulePoint[] };

export const testAssetId = 'asset under test';

/** The plant for the series of a case; throws a sentence for a name that no rule of the test has. */
export function createTestPlant(
  rule: Rule,
  rules: readonly Rule[],
  names: Iterable<string>,
  { zone = 'UTC', params }: { zone?: string | undefined; params: Record<string, number> },
): TestAsset[] {
  const base = { siteTimeZone: zone, params };
  const own: TestAsset = {
    asset: { ...base, id: testAssetId, name: 'the asset', class: rule.assetClass, upstream: [] },
    points: [],
  };
  const others = new Map<string, TestAsset>();
  const beside = [rule, ...rules.filter((one) => one !== rule && runsOn(one, rule.assetClass))];
  const above = rules.filter((one) => !runsOn(one, rule.assetClass));
  for (const name of names) {
    const inputs = beside.flatMap((one) => one.inputs);
    const input = findInput(name, inputs);
    const upstream = above.flatMap((one) => {
      const found = findInput(name, one.inputs);
      return found?.from.some(({ kind }) => kind === 'self') ? [{ className: one.assetClass, input: found }] : [];
    });
    if (!input && upstream.length === 0) {
      const help = suggest(
        name,
        [...beside, ...above].flatMap((one) => one.inputs.map((known) => known.name)),
      );
      throw new Error(`series: the rule has no input '${name}'${help ? `; ${help}` : ''}`);
    }
    if (input) addPoint(ownerOf(input), name, input);
    for (const one of upstream) addPoint(upstreamOf(one.className), name, one.input);
  }
  return [own, ...others.values()];

  function ownerOf({ from: [first] }: RuleInput): TestAsset {
    const from = first as InputFrom;
    switch (from.kind) {
      case 'self':
        return own;
      case 'site':
        return other('the site', 'brick:Weather_Station');
      case 'upstream':
        return upstreamOf(from.class ?? above[0]?.assetClass ?? 'brick:Equipment');
    }
  }

  function upstreamOf(className: string): TestAsset {
    const id = `upstream ${className}`;
    if (!others.has(id)) own.asset.upstream?.push(id);
    return other(id, className);
  }

  function other(id: string, className: string): TestAsset {
    const known = others.get(id) ?? { asset: { ...base, id, name: id, class: className }, points: [] };
    others.set(id, known);
    return known;
  }
}

/** The overrides of a case, on the rule under test; their times count from the start of the series. */
export function listTestOverrides(
  testCase: RuleTestFile['cases'][number],
  { id: rule }: Rule,
  { fromMs, timeScale }: { fromMs: number; timeScale: number },
): Override[] {
  return (testCase.overrides ?? []).map(({ params = {}, severity = null, enabled = null, since, until }, index) => ({
    id: `override ${index + 1}`,
    rule,
    site: null,
    asset: testAssetId,
    tag: null,
    params,
    severity,
    enabled,
    sinceMs: since === undefined ? Number.NEGATIVE_INFINITY : fromMs + durationMs(since) / timeScale,
    untilMs: until === undefined ? null : fromMs + durationMs(until) / timeScale,
    reason: testCase.name,
    author: 'test',
  }));
}

function durationMs(duration: string | 0): number {
  return findDurationMs(String(duration)) ?? 0;
}

function runsOn({ assetClass }: Rule, className: string): boolean {
  return isSubclassOf(className, assetClass);
}

/** The input of that name; `cc` also means the `cc` of a derived value. */
function findInput(name: string, inputs: readonly RuleInput[]): RuleInput | undefined {
  return inputs.find((one) => one.name === name) ?? inputs.find((one) => one.name.endsWith(`.${name}`));
}

function addPoint({ points }: TestAsset, name: string, input: RuleInput): void {
  if (points.some(({ id }) => id === name)) return;
  const { classes, of, type, unit, index, named } = input;
  points.push({
    id: name,
    name: named === null ? String(index ?? name) : named.replaceAll('*', String(index ?? '')),
    class: classes[0] ?? null,
    of,
    unit: type === 'truth' ? 'bool' : (unit?.id ?? null),
  });
}
