import { describe, expect, test } from 'vitest';
import { backTest, backTestLog } from '../back-test/back-test.ts';
import { readLogColumns } from '../back-test/log-columns.ts';
import { type ColumnMap, parseColumnMap, readTrendLog } from '../back-test/trend-log.ts';
import { bind } from '../kernel/bind.ts';
import { createEvaluation } from '../kernel/evaluation.ts';
import { createRandom, type Replay, replay } from '../kernel/replay.ts';
import { buildRuleSet } from './load-rules.ts';

const asset = { id: 'a', name: 'A', class: 'brick:AHU', siteTimeZone: 'UTC' };
const point = { id: 'x', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' };
const plain = (name: string, value: string, more = '') =>
  derived(name, 'x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }', value, more);

describe('a derived value', () => {
  test('may look at windows, at derived values with windows, and be looked at by windows', () => {
    const texts = [
      plain('calm', "avg(x, '3m')"),
      derived('rising', 'c: { derived: calm }', "c - ago(c, '2m')"),
      rule('r: { derived: rising }, c: { derived: calm }', "avg(r, '2m') >= 2.0 && c > 10"),
    ];
    const seen = inspect(texts, [10, 10, 10, 13, 16, 19, 22, 22, 22, 22]);
    // c: -, -, 10, 11, 13, 16, 19, 21, 22, 22: four fifths of three ticks are three. r: c less c two ticks before.
    expect(seen.map(({ c }) => c)).toEqual([null, null, 10, 11, 13, 16, 19, 21, 22, 22]);
    expect(seen.map(({ r }) => r)).toEqual([null, null, null, null, 3, 5, 6, 5, 3, 1]);
    expect(seen.map(({ condition }) => condition)).toEqual([1, 1, 0, 1, 1, 2, 2, 2, 2, 2]);
  });

  test('with windows inside windows looks back far enough to be rebuilt after a restart', () => {
    const texts = [
      plain('calm', "avg(x, '10m')"),
      derived('calmer', 'c: { derived: calm }', "avg(c, '10m')"),
      rule('c: { derived: calmer }', "avg(c, '10m') > 15"),
    ];
    const input = replayOf(
      texts,
      Array.from({ length: 120 }, (_, minute) => (minute % 37 < 20 ? 10 : 22)),
    );
    for (const seed of [1, 2, 3, 4, 5])
      expect(replay(input, { kind: 'cut', random: createRandom(seed) })).toEqual(replay(input));
    expect(replay(input).some(({ kind }) => kind === 'opened')).toBe(true);
    expect(input.ruleSet.warmupMs).toBeGreaterThanOrEqual(45 * 60_000);
  });

  test('with windows inside windows is the same over columns of a log', () => {
    const { rules: ruleSet, errors } = buildRuleSet([
      plain('calm', "avg(x, '3m')"),
      derived('rising', 'c: { derived: calm }', "delta(c, '4m')"),
      rule(
        'r: { derived: rising }, c: { derived: calm }, x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }',
        "avg(r, '5m') > 1 && avg(x, '2m') > 12 && starts(r > 2, '10m') >= 1",
      ),
    ]);
    expect(errors).toEqual([]);
    const { map } = parseColumnMap(
      'map.yaml',
      'time: { column: t }\nasset: { name: A, class: brick:AHU }\npoints: { x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }\n',
    );
    const rows = Array.from(
      { length: 300 },
      (_, minute) =>
        `${new Date(minute * 60_000).toISOString()},${10 + ((minute * minute) % 37) / 3 + (minute % 40) / 4}`,
    );
    const csv = ['t,x', ...rows].join('\n');
    const log = readTrendLog(csv, map as ColumnMap);
    const wanted = backTest({ ruleSet, ...log, fromMs: 0, toMs: 299 * 60_000 }, { split: 'none', zone: 'UTC' });
    expect(wanted.length).toBeGreaterThan(0);
    expect(backTestLog(readLogColumns(Buffer.from(csv), map as ColumnMap), { ruleSet, split: 'none' })).toEqual(wanted);
  });

  test('is converted to the unit that its user asks for, and unknown outside of what the user calls valid', () => {
    const texts = [plain('calm', 'x'), rule('c: { derived: calm, unit: degF, valid: [45, 70] }', 'c > 60')];
    expect(inspect(texts, [5, 10, 20, 22]).map(({ c }) => c)).toEqual([null, 50, 68, null]);
  });

  test('has parameters, which are those of the rule where it has one of that name', () => {
    const value = plain('hot', '"x > limit ? 1.0 : 0.0"', 'params: { limit: { default: 20, unit: degC } }');
    const own = rule('h: { derived: hot }', 'h == 1', 'params: { limit: { default: 10, unit: degC } }');
    expect(inspect([value, rule('h: { derived: hot }', 'h == 1')], [15, 25]).map(({ h }) => h)).toEqual([0, 1]);
    expect(inspect([value, own], [15, 25]).map(({ h }) => h)).toEqual([1, 1]);
  });

  test('that is optional has its default where a point of it is missing', () => {
    const texts = [plain('calm', 'x'), rule('c: { derived: calm, unit: degC, optional: true, default: 7 }', 'c > 1')];
    const { bound, missing } = bind(buildRuleSet(texts).rules, asset, []);
    expect(missing).toEqual([]);
    expect(bound[0]?.inputs).toContainEqual({ from: 'constant', value: 7 });
  });

  test('that uses another one lacks the points of both, unless the asset publishes either', () => {
    const texts = [
      plain('calm', 'x'),
      derived('twice', 'c: { derived: calm }', 'c * 2.0'),
      rule('t: { derived: twice }', 't > 1'),
    ];
    const { rules } = buildRuleSet(texts);
    const published = (name: string) => [{ id: 'p', class: `derived:${name}`, of: null, unit: 'degC' }];
    expect(bind(rules, asset, []).missing.map(({ input }) => input)).toEqual(['t.c.x']);
    expect(bind(rules, asset, published('calm')).missing).toEqual([]);
    expect(bind(rules, asset, published('twice')).missing).toEqual([]);
  });
});

describe('mistakes', () => {
  test.each<[string, { file: string; text: string }[], string[]]>([
    [
      'of its own are told once, in its own file',
      [plain('calm', 'y > 1 ? 1.0 : 0.0'), rule('c: { derived: calm }', 'c > 1')],
      ['calm.yaml:5:8 block_as_implicit_key', 'rule.yaml:5:25 broken_derived'],
    ],
    [
      'are found although no rule uses it',
      [plain('calm', 'y + 1.0', 'unit: degX')],
      ['calm.yaml:5:8 unknown_variable', 'calm.yaml:6:7 unknown_unit'],
    ],
    [
      'in a circle are told once',
      [derived('a', 'b: { derived: b }', 'b'), derived('b', 'a: { derived: a }', 'a')],
      ['b.yaml:4:25 derived_cycle'],
    ],
    ['of using itself too', [derived('a', 'a2: { derived: a }', 'a2')], ['a.yaml:4:26 derived_cycle']],
    [
      'in the name have a suggestion',
      [plain('calm', 'x'), rule('c: { derived: clam }', 'c > 1')],
      ["rule.yaml:5:25 unknown_derived did you mean 'calm'?"],
    ],
    [
      'with the ticks of a rule are told of the rule',
      [plain('calm', "avg(x, '3m')"), rule('c: { derived: calm }', 'c > 1', 'every: 2m')],
      ['rule.yaml:5:25 not_a_multiple'],
    ],
    [
      'with windows that remember too much at the ticks of a rule are told of the rule',
      [plain('calm', "avg(x, '31d') + avg(x * 2.0, '31d')"), rule('c: { derived: calm }', 'c > 1', 'every: 10s')],
      ['rule.yaml:5:25 limit_exceeded'],
    ],
    [
      'of a name that is there twice',
      [plain('calm', 'x'), { ...plain('calm', 'x'), file: 'other.yaml' }],
      ['other.yaml:1:10 duplicate_derived'],
    ],
    ['of a unit that the value has not', [plain('calm', 'x', 'unit: percent')], ['calm.yaml:6:7 unit_mismatch']],
    [
      'of a unit that it cannot become',
      [plain('calm', 'x'), rule('c: { derived: calm, unit: percent }', 'c > 1')],
      ['rule.yaml:5:37 unit_mismatch'],
    ],
    [
      'of keys that only points have',
      [plain('calm', 'x'), rule('c: { derived: calm, from: site, class: brick:Sensor }', 'c > 1')],
      ['rule.yaml:5:31 conflicting_keys', 'rule.yaml:5:43 conflicting_keys'],
    ],
    [
      'of parameters with two meanings',
      [
        plain('calm', 'x', 'params: { p: { default: 1 } }'),
        plain('b', 'x', 'params: { p: { default: 2 } }'),
        rule('c: { derived: calm }, b: { derived: b }', 'c > 1'),
      ],
      ['rule.yaml:5:47 param_conflict'],
    ],
    [
      'of parameters in two units',
      [
        plain('calm', 'x', 'params: { p: { default: 1, unit: percent } }'),
        rule('c: { derived: calm }', 'c > 1', 'params: { p: { default: 1, unit: fraction } }'),
      ],
      ['rule.yaml:5:25 param_conflict'],
    ],
  ])('%s', (_, texts, expected) => {
    const found = buildRuleSet(texts).errors.map(
      ({ file, line, column, code, help }) =>
        `${file}:${line}:${column} ${code}${code === 'unknown_derived' ? ` ${help}` : ''}`,
    );
    expect(found).toEqual(expected);
  });
});

function inspect(texts: { file: string; text: string }[], values: number[]) {
  const input = replayOf(texts, values);
  const evaluation = createEvaluation(input);
  return values.map((value, minute) => {
    for (const index of evaluation.pointIndexes('x')) evaluation.observe(index, minute * 60_000, value, 0);
    evaluation.tick(minute * 60_000);
    const { condition, values: seen } = evaluation.inspect('r', 'a', minute * 60_000) ?? { condition: 1, values: [] };
    const shown = Object.fromEntries(
      seen.map(({ name, value: at }) => [name, typeof at === 'number' ? Number(at.toFixed(6)) : at]),
    );
    return { condition, ...shown } as Record<string, number | null>;
  });
}

function replayOf(texts: { file: string; text: string }[], values: number[]): Replay {
  const { rules, errors } = buildRuleSet(texts);
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  const readings = values.map((value, minute) => ({ point: 'x', at: minute * 60_000, value, quality: 0 as const }));
  return {
    ruleSet: rules,
    assets: [{ asset, points: [point] }],
    readings,
    fromMs: 0,
    toMs: (values.length - 1) * 60_000,
  };
}

function derived(name: string, inputs: string, value: string, more = ''): { file: string; text: string } {
  const head = `derived: ${name}\ntitle: T\napplies_to: { class: brick:AHU }\ninputs: { ${inputs} }`;
  return { file: `${name}.yaml`, text: `${head}\nvalue: ${value}\n${more}\n` };
}

function rule(inputs: string, when: string, more = ''): { file: string; text: string } {
  const head = `rule: r\nversion: 1\ntitle: T\napplies_to: { class: brick:AHU }\ninputs: { ${inputs} }`;
  return { file: 'rule.yaml', text: `${head}\nwhen: ${when}\nseverity: warning\ncategory: fault\n${more}\n` };
}
