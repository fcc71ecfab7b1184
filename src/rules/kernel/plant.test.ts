import { describe, expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { runRuleTest } from '../testing/rule-test.ts';
import { bind, bindAll, listAssetsRead, type RuleAsset, type RulePoint } from './bind.ts';
import { createPlant } from './plant.ts';

const oat = (id: string): RulePoint => ({ id, class: 'brick:Outside_Air_Temperature_Sensor', of: null, unit: 'degC' });
const sat = (id: string, name = id): RulePoint => ({
  id,
  name,
  class: 'brick:Supply_Air_Temperature_Sensor',
  of: null,
  unit: 'degC',
});
const asset = (id: string, className: string, upstream: string[] = [], site = 's'): RuleAsset => ({
  id,
  name: id,
  class: className,
  siteTimeZone: 'UTC',
  upstream,
  site: { id: site, slug: site },
});
const vav = (upstream: string[] = []) => ({ asset: asset('vav', 'brick:VAV', upstream), points: [] as RulePoint[] });
type Assets = { asset: RuleAsset; points: RulePoint[] }[];

describe('an input from the site', () => {
  const input = '{ class: brick:Outside_Air_Temperature_Sensor, from: site }';
  test.each<[string, Assets, string]>([
    [
      'an asset that stands for it',
      [
        { asset: asset('w', 'brick:Weather_Station'), points: [oat('w.oat')] },
        { asset: asset('ahu', 'brick:AHU'), points: [oat('ahu.oat')] },
      ],
      'w.oat',
    ],
    ['the building', [{ asset: asset('b', 'brick:Building'), points: [oat('b.oat')] }], 'b.oat'],
    ['the only such point', [{ asset: asset('ahu', 'brick:AHU'), points: [oat('ahu.oat')] }], 'ahu.oat'],
    [
      'no asset of another site',
      [
        { asset: asset('ahu', 'brick:AHU'), points: [oat('ahu.oat')] },
        { asset: asset('w', 'brick:Weather_Station', [], 'other'), points: [oat('w.oat')] },
      ],
      'ahu.oat',
    ],
  ])('is that of %s', (_, others, wanted) => expect(findPoint(input, [vav(), ...others])).toBe(wanted));

  test.each<[Assets, string]>([
    [[], 'no point brick:Outside_Air_Temperature_Sensor on any asset of the site'],
    [
      [
        { asset: asset('ahu-1', 'brick:AHU'), points: [oat('1')] },
        { asset: asset('ahu-2', 'brick:AHU'), points: [oat('2')] },
      ],
      '2 assets of the site have brick:Outside_Air_Temperature_Sensor: ahu-1, ahu-2; give the site one of its own, on a brick:Weather_Station or brick:Building',
    ],
    [
      [
        { asset: asset('w-1', 'brick:Weather_Station'), points: [oat('1')] },
        { asset: asset('w-2', 'brick:Weather_Station'), points: [oat('2')] },
      ],
      '2 assets of the site have brick:Outside_Air_Temperature_Sensor: w-1, w-2; keep the one that is to count',
    ],
  ])('is missing where nothing tells which it is: %#', (others, reason) =>
    expect(findPoint(input, [vav(), ...others])).toBe(reason),
  );
});

describe('an input from upstream', () => {
  const ahu = (id: string, points: RulePoint[], upstream: string[] = []) => ({
    asset: asset(id, 'brick:RTU', upstream),
    points,
  });
  const input = '{ class: brick:Supply_Air_Temperature_Sensor, from: upstream }';
  const ofAhu = '{ class: brick:Supply_Air_Temperature_Sensor, from: upstream(brick:AHU) }';
  test.each<[string, string, Assets, string]>([
    ['that of the next asset', input, [vav(['a']), ahu('a', [sat('a.sat')])], 'a.sat'],
    [
      'that of the nearest one that has it',
      input,
      [vav(['a']), ahu('a', [], ['b']), ahu('b', [sat('b.sat')], ['c']), ahu('c', [sat('c.sat')])],
      'b.sat',
    ],
    [
      'of the class, whatever lies between',
      ofAhu,
      [vav(['f']), { asset: asset('f', 'brick:Fan', ['a']), points: [sat('f.sat')] }, ahu('a', [sat('a.sat')])],
      'a.sat',
    ],
    [
      'found although assets are upstream of each other',
      input,
      [vav(['a']), ahu('a', [], ['b', 'vav']), ahu('b', [sat('b.sat')], ['a'])],
      'b.sat',
    ],
    [
      'missing without a relation',
      input,
      [vav(), ahu('a', [sat('a.sat')])],
      'nothing is upstream of the asset: it needs a feeds or isPartOf relation to what serves it',
    ],
    [
      'missing where nothing upstream has it',
      ofAhu,
      [vav(['a']), ahu('a', [])],
      'no point brick:Supply_Air_Temperature_Sensor on any brick:AHU upstream',
    ],
    [
      'missing where two are equally near',
      ofAhu,
      [vav(['a', 'b']), ahu('a', [sat('1')]), ahu('b', [sat('2')])],
      '2 assets equally near upstream have brick:Supply_Air_Temperature_Sensor: a, b; say which by a relation to one of them only',
    ],
    [
      'missing where the one has two',
      input,
      [vav(['a']), ahu('a', [sat('1'), sat('2')])],
      "2 points on a are brick:Supply_Air_Temperature_Sensor: 1, 2; say which by 'of', 'named', 'index' or a narrower class",
    ],
  ])('is %s', (_, given, assets, wanted) => expect(findPoint(given, assets)).toBe(wanted));
});

describe('an input from the first of several that has it', () => {
  const ofClass = (from: string) => `{ class: brick:Outside_Air_Temperature_Sensor, from: ${from} }`;
  const weather = { asset: asset('w', 'brick:Weather_Station'), points: [oat('w.oat')] };
  const terminal = (...points: RulePoint[]) => ({ ...vav(['a']), points });
  const ahu = (...points: RulePoint[]) => ({ asset: asset('a', 'brick:AHU'), points });
  const noPoint = 'no point brick:Outside_Air_Temperature_Sensor';
  test.each<[string, string, Assets, string]>([
    ['its own before that of the site', '[self, site]', [terminal(oat('own')), weather], 'own'],
    ['that of the site where it has none', '[self, site]', [terminal(sat('x')), weather], 'w.oat'],
    ['in the order that is stated', '[site, self]', [terminal(oat('own')), weather], 'w.oat'],
    [
      'that of what is upstream before that of the site',
      '[upstream, site]',
      [terminal(), ahu(oat('a.oat')), weather],
      'a.oat',
    ],
    ['that of the site where nothing is upstream', '[upstream, site]', [vav(), ahu(oat('a.oat')), weather], 'w.oat'],
    [
      'none where it has two of its own, whatever the site has',
      '[self, site]',
      [terminal(oat('1'), oat('2')), weather],
      "2 points are brick:Outside_Air_Temperature_Sensor: 1, 2; say which by 'of', 'named', 'index' or a narrower class",
    ],
    [
      'none where none has it',
      '[self, upstream(brick:AHU), site]',
      [terminal(), ahu()],
      `${noPoint}, and ${noPoint} on any brick:AHU upstream, and ${noPoint} on any asset of the site`,
    ],
  ])('is %s', (_, from, assets, wanted) => expect(findPoint(ofClass(from), assets)).toBe(wanted));

  test.each([
    ['[self, self]', "inputs.x.from.1: 'self' has its place already"],
    ['[self, upstream(brick:AHUU)]', "inputs.x.from.1: 'brick:AHUU' is not in the table of classes"],
    ['[]', 'inputs.x.from'],
    ['[self, elsewhere]', 'one of self, site, upstream and upstream(class)'],
  ])('of %s is told what is wrong: %s', (from, message) => {
    const { errors } = buildRuleSet([
      { file: 'r.yaml', text: ruleText('r', 'brick:VAV', `x: ${ofClass(from)}`, 'x > 1', '') },
    ]);
    expect(errors.map((error) => error.message).join('; ')).toContain(message);
  });
});

describe('names of one class', () => {
  const named = (className: string, id: string): RulePoint => ({ id, class: className, of: null, unit: 'degC' });
  test.each([
    ['Supply_Air_Temperature_Sensor', 'Discharge_Air_Temperature_Sensor'],
    ['Discharge_Air_Temperature_Sensor', 'Supply_Air_Temperature_Sensor'],
  ])('%s: a point that is called %s comes before one of a narrower class', (wanted, called) => {
    const narrow = named('brick:Preheat_Discharge_Air_Temperature_Sensor', 'narrow');
    const assets = [{ ...vav(), points: [narrow, named(`brick:${called}`, 'whole')] }];
    expect(findPoint(`{ class: brick:${wanted} }`, assets)).toBe('whole');
  });
});

describe('one of several points of a class', () => {
  const pair: Assets = [{ ...vav(), points: [sat('x', 'SAT-10'), sat('y', 'SAT-2'), sat('z', 'spare')] }];
  const of = (more: string) => findPoint(`{ class: brick:Supply_Air_Temperature_Sensor, ${more} }`, pair);
  test.each([
    ['index: 1', 'y'],
    ['index: 2', 'x'],
    ['index: 4', 'only 3 of the points are brick:Supply_Air_Temperature_Sensor, and the rule wants number 4'],
    ['named: "sat-1*"', 'x'],
    ['named: "sat*", index: 2', 'x'],
    [
      'named: "sat*"',
      "2 points are brick:Supply_Air_Temperature_Sensor named sat*: SAT-10, SAT-2; say which by 'of', 'named', 'index' or a narrower class",
    ],
    ['named: "SAT.2"', 'no point brick:Supply_Air_Temperature_Sensor named SAT.2'],
  ])('%s is %s', (more, wanted) => expect(of(more)).toBe(wanted));
});

test('a binding says which other assets it reads, so that their late readings are made good here too', () => {
  const assets = [vav(['a']), { asset: asset('a', 'brick:AHU'), points: [sat('a.sat')] }];
  const rules = rulesOf('{ class: brick:Supply_Air_Temperature_Sensor, from: upstream }');
  expect(bindAll(rules, assets).map(listAssetsRead)).toEqual([['a'], []]);
});

test('a rule test gives points of the site and of upstream assets, and runs rules of those beside it', () => {
  const rules = buildRuleSet([
    {
      file: 'r.yaml',
      text: ruleText(
        'r',
        'brick:VAV',
        'x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, from: upstream(brick:AHU) }\n  o: { class: brick:Outside_Air_Temperature_Sensor, unit: degC, from: site }\n  z: { class: brick:Zone_Air_Temperature_Sensor, unit: degC }',
        'x > z && o < 30',
        'suppressed_by: [cause]',
      ),
    },
    {
      file: 'cause.yaml',
      text: ruleText(
        'cause',
        'brick:AHU',
        'x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }',
        'x > 40',
        '',
      ),
    },
  ]).rules;
  const [result] = runRuleTest(
    {
      rule: 'r',
      with: ['cause'],
      cases: [
        {
          name: 'fires, and is suppressed when its cause fires upstream',
          series: { x: '10 30 30 50 50', o: '5*5', z: '20*5' },
          overrides: [{ enabled: 'shadow', since: '4m' }],
          expect: [
            { at: '0m', state: 'normal' },
            { at: '1m', state: 'firing', suppressed_by: null },
            { at: '3m', suppressed_by: 'cause' },
            { at: '3m', rule: 'cause', state: 'firing' },
            { insights: 1 },
          ],
        },
      ],
    },
    rules,
  );
  expect(result?.failures).toEqual([]);
});

/** The id of the point that the input of a rule for terminals finds on the first asset, or why it finds none. */
function findPoint(input: string, assets: Assets): string | undefined {
  const [first] = assets;
  if (!first) return undefined;
  const { bound, missing } = bind(rulesOf(input), first.asset, first.points, [], createPlant(assets));
  const found = bound[0]?.inputs[0];
  if (found?.from !== 'point') return missing[0]?.reason;
  return assets.find(({ asset: { id } }) => id === found.asset)?.points[found.point]?.id;
}

function rulesOf(input: string) {
  const { rules, errors } = buildRuleSet([
    { file: 'r.yaml', text: ruleText('r', 'brick:VAV', `x: ${input}`, 'x > 1', '') },
  ]);
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return rules;
}

function ruleText(id: string, className: string, inputs: string, when: string, more: string): string {
  return `rule: ${id}\nversion: 1\ntitle: T\napplies_to: { class: ${className} }\ninputs:\n  ${inputs}\nwhen: ${when}\nseverity: warning\ncategory: fault\n${more}\n`;
}
