import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { buildRuleSet, loadRules } from '../language/load-rules.ts';
import { type FitInput, fitParams, formatFits } from './fit.ts';
import { parseColumnMap, readTrendLog } from './trend-log.ts';

const dayMs = 86_400_000;
const start = Date.parse('2026-03-02T00:00:00Z');

/** A rule whose parameters are given as YAML lines; its inputs are a damper, a fan and a temperature. */
function ruleOf(params: string[], rest: string[] = []): string {
  return [
    'rule: fitted',
    'version: 1',
    'title: Fitted',
    'applies_to: { class: brick:AHU }',
    'inputs:',
    '  oad: { class: brick:Damper_Position_Command, unit: percent }',
    '  fan: { class: brick:Fan_On_Off_Status, unit: bool }',
    'params:',
    ...params.map((line) => `  ${line}`),
    'when: fan && oad > 100.0 * least',
    ...rest,
    'severity: info',
    'category: fault',
  ].join('\n');
}

const plain = 'least: { unit: fraction, min: 0, max: 1, fit: { of: oad / 100.0, where: fan, quantile: 0.02 } }';

/** Minute values of both points; null is no reading. Several lists are several days. */
function fitOf(
  texts: string | string[],
  days: { oad: (number | null)[]; fan?: boolean[] }[],
  options: Partial<FitInput> = {},
) {
  const { rules: ruleSet, errors } = buildRuleSet(
    [texts].flat().map((text, index) => ({ file: `fitted-${index}.yaml`, text })),
  );
  expect(errors).toEqual([]);
  const readings = days.flatMap(({ oad, fan = [] }, day) =>
    oad.flatMap((value, minute) => {
      const at = start + day * dayMs + minute * 60_000;
      const own = { point: 'fan', at, value: Number(fan[minute] ?? true), quality: 0 as const };
      return value === null ? [own] : [own, { point: 'oad', at, value, quality: 0 as const }];
    }),
  );
  const asset = { id: 'a', name: 'AHU-1', class: 'brick:AHU', siteTimeZone: 'UTC' };
  const points = [
    { id: 'oad', class: 'brick:Damper_Position_Command', of: null, unit: 'percent' },
    { id: 'fan', class: 'brick:Fan_On_Off_Status', of: null, unit: 'bool' },
  ];
  const [fitted] = fitParams({ ruleSet, assets: [{ asset, points }], readings, zone: 'UTC', ...options });
  if (!fitted) throw new Error('nothing came back for the asset');
  return fitted;
}

const steady = (value: number, minutes: number): number[] => new Array(minutes).fill(value);

describe('a parameter from healthy days', () => {
  test('is the quantile of its expression, a value that was seen', () => {
    const fitted = fitOf(ruleOf([plain]), [{ oad: [...steady(15, 100), ...steady(100, 300)] }]);
    expect(fitted.params).toEqual([
      { name: 'least', value: 0.15, unit: 'fraction', rule: 'fitted', count: 400, least: 0.15, greatest: 1 },
    ]);
    expect(fitted.days).toEqual(['2026-03-02']);
  });

  test.each([
    [0, 1],
    [0.25, 25],
    [0.5, 50],
    [0.99, 99],
    [1, 100],
  ])('quantile %d of 1 to 100 is %d, by the nearest rank', (quantile, expected) => {
    const param = `least: { fit: { of: oad, quantile: ${quantile} } }`;
    const oad = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(fitOf(ruleOf([param]), [{ oad }]).params[0]?.value).toBe(expected);
  });

  test.each([
    ['{ of: oad, quantile: 0.5, times: 1.5, plus: 2 }', 62],
    ['{ of: oad, quantile: 0.5, times: 10 }', 90],
    ['{ of: oad, quantile: 0.5, plus: -60 }', 5],
  ])('%s of a steady 40 is %d within 5..90', (key, expected) => {
    const fitted = fitOf(ruleOf([`least: { min: 5, max: 90, fit: ${key} }`]), [{ oad: steady(40, 100) }]);
    expect(fitted.params[0]?.value).toBe(expected);
  });

  test('counts only what `where` lets in: unknown is not true', () => {
    const oad = [...steady(5, 100), ...steady(30, 100), ...steady(0, 60)];
    const fan = [...new Array(100).fill(false), ...new Array(160).fill(true)];
    const param = 'least: { fit: { of: oad, where: fan && oad > 1, quantile: 0 } }';
    expect(fitOf(ruleOf([param]), [{ oad, fan }]).params[0]).toMatchObject({ value: 30, count: 100 });
  });

  test('does not count while `where` is unknown: 15 minutes after the damper fell silent', () => {
    const oad = [...steady(30, 100), ...new Array(75).fill(null)];
    const param = `least: { fit: { of: "duty(fan, '1m')", where: oad > 1, quantile: 0 } }`;
    expect(fitOf(ruleOf([param]), [{ oad }]).params[0]?.count).toBe(115);
  });

  test('leaves out what the rule holds off', () => {
    const oad = [...steady(1, 30), ...steady(40, 120)];
    const held = ['hold_off: { after_change_of: [fan], for: 30m }'];
    expect(fitOf(ruleOf([plain]), [{ oad }]).params[0]?.value).toBe(0.01);
    expect(fitOf(ruleOf([plain], held), [{ oad }]).params[0]).toMatchObject({ value: 0.4, count: 120 });
  });

  test.each(['default: 7', 'min: 0, max: 100'])(
    'sees the parameters that were fitted before it, and not their { %s }',
    (bounds) => {
      const params = [
        `least: { ${bounds}, fit: { of: oad, quantile: 0 } }`,
        'beyond: { fit: { of: oad - least, quantile: 1 } }',
      ];
      const fitted = fitOf(ruleOf(params), [{ oad: [...steady(20, 60), ...steady(90, 60)] }]);
      expect(fitted.params.map(({ name, value }) => [name, value])).toEqual([
        ['least', 20],
        ['beyond', 70],
      ]);
    },
  );

  test('comes from the days that were named alone, and each begins with nothing remembered', () => {
    const days = [{ oad: steady(10, 90) }, { oad: steady(30, 90) }, { oad: steady(50, 90) }];
    const param = `least: { fit: { of: "highest(oad, '60m')", quantile: 1 } }`;
    const fitted = fitOf(ruleOf([param]), days, { days: new Set(['2026-03-02', '2026-03-03']) });
    expect(fitted).toMatchObject({ days: ['2026-03-02', '2026-03-03'], params: [{ value: 30 }] });
  });
});

test.each([
  ['oad', 'oad - 10', 40, 'a'],
  ['1.0 / (oad - oad)', 'oad - 10', 30, 'b'],
])('of two rules that fit a parameter, by %s and %s, the first that can wins', (one, other, value, rule) => {
  const [a, b] = [one, other].map((of) => ruleOf([`least: { fit: { of: ${of}, quantile: 1 } }`]));
  const texts = [a?.replace('rule: fitted', 'rule: a'), b?.replace('rule: fitted', 'rule: b')] as string[];
  expect(fitOf(texts, [{ oad: steady(40, 90) }])).toMatchObject({ params: [{ value, rule }], problems: [] });
});

describe('a parameter that the readings do not tell', () => {
  test('is named with the reason, and nothing is guessed', () => {
    const fitted = fitOf(ruleOf([plain]), [{ oad: steady(15, 59) }]);
    expect(fitted).toMatchObject({
      params: [],
      problems: [{ name: 'least', rule: 'fitted', reason: "only 59 values, fewer than an hour's" }],
    });
  });

  test('names the point that is missing', () => {
    const text = ruleOf([plain]).replace('brick:Damper_Position_Command', 'brick:Valve_Position_Command');
    const [problem] = fitOf(text, [{ oad: steady(15, 100) }]).problems;
    expect(problem?.reason).toContain('brick:Valve_Position_Command');
  });
});

test('what a fit looks back on is not fed where the rule runs, nor does it lengthen its warm-up', () => {
  const text = (of: string) =>
    ruleOf([`least: { default: 0, unit: fraction, min: 0, max: 1, fit: { of: "${of}", quantile: 0.5 } }`]);
  const [without, fitted] = ['oad / 100.0', "avg(oad, '24h') / 100.0"].map(
    (of) => buildRuleSet([{ file: 'fitted.yaml', text: text(of) }]).rules,
  );
  expect(fitted?.rules[0]?.fitWindows.windows.length).toBe(1);
  expect(fitted?.rules[0]?.windows).toEqual([]);
  expect(fitted?.rules[0]?.lookBackTicks).toBe(without?.rules[0]?.lookBackTicks);
  expect(fitted?.warmupMs).toBe(without?.warmupMs);
  expect(fitOf(text("avg(oad, '10m') / 100.0"), [{ oad: steady(20, 120) }]).params).toMatchObject([
    { name: 'least', value: 0.2 },
  ]);
});

test('fits print as YAML for an asset, with what each rests on', () => {
  const fitted = fitOf(ruleOf([plain, 'other: { fit: { of: oad, where: "!fan", quantile: 1 } }']), [
    { oad: steady(15, 90) },
  ]);
  expect(formatFits([fitted])).toBe(
    `# AHU-1, from 1 day
params:
  least: 0.15 # fraction, fitted: 90 values from 0.15 to 0.15
  # other (fitted) is not fitted: only 0 values, fewer than an hour's`,
  );
});

test.each([
  ['{ of: fan, quantile: 1 }', 'not_a_number', 'fan'],
  ['{ of: oad, where: oad, quantile: 1 }', 'not_a_condition', 'oad'],
  ['{ of: ode, quantile: 1 }', 'unknown_variable', 'ode'],
  ['{ of: oad, quantile: 2 }', 'invalid_value', '2'],
])('a fit of %s is an error where it stands: %s', (key, code, at) => {
  const line = `least: { fit: ${key} }`;
  const { errors } = buildRuleSet([{ file: 'fitted.yaml', text: ruleOf([line]) }]);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ code, line: 9 });
  expect(errors[0]?.lineText.slice((errors[0]?.column ?? 1) - 1)).toMatch(new RegExp(`^${at}`));
});

const folder = new URL('../../../../shared/data/lbnl-ahu/', import.meta.url);
const isThere = existsSync(folder);

describe.skipIf(!isThere)(
  `healthy days of real air handlers${isThere ? '' : ' (skipped: no ../shared/data/lbnl-ahu)'}`,
  () => {
    test.each([
      ['MZVAV-2-2', 0.4, ['2008-08-27', '2008-08-29', '2008-08-31', '2008-09-04', '2009-05-06', '2009-05-08']],
      ['SZCAV', 0.15, ['2017-04-01']],
    ])('%s: the minimum position of the outdoor damper is %d', async (name, expected, days) => {
      const { rules } = await loadRules(new URL('../../../rules', import.meta.url).pathname);
      const text = await readFile(new URL(`${name}.columns.yaml`, folder), 'utf8');
      const { map } = parseColumnMap(name, text.replace(/, params: \{ min_oa: [\d.]+ \}/, ''));
      if (!map || map.asset.params) throw new Error('the map still states the position');
      const log = readTrendLog(await readFile(new URL(`${name}.csv`, folder), 'utf8'), map);
      const [fitted] = fitParams({ ruleSet: rules, ...log, days: new Set(days) });
      expect(fitted?.params.find((param) => param.name === 'min_oa')?.value).toBeCloseTo(expected, 2);
    });
  },
);
