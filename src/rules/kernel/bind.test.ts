import { describe, expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { bind, type RuleAsset, type RulePoint } from './bind.ts';

const asset: RuleAsset = { id: 'a', name: 'A', class: 'brick:RTU', siteTimeZone: 'UTC' };
const valve = (id: string, of: string | null, unit: string | null = 'percent'): RulePoint => ({
  id,
  class: 'brick:Valve_Position_Command',
  of,
  unit,
});

describe('binding', () => {
  test.each([
    [
      '{ class: brick:Valve_Position_Command, of: brick:Cooling_Coil }',
      [valve('cc', 'brick:Chilled_Water_Coil'), valve('hc', 'brick:Hot_Water_Coil')],
      'cc',
      'subclasses of the part count',
    ],
    [
      '{ class: brick:Valve_Position_Command }',
      [valve('cc', 'brick:Cooling_Coil'), valve('own', null)],
      'own',
      'a point of the asset itself comes before those of its parts',
    ],
    [
      '{ class: brick:Temperature_Sensor }',
      [{ id: 'sat', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' }],
      'sat',
      'subclasses of the class count',
    ],
    [
      '{ prefer: [brick:Heating_Supply_Air_Temperature_Setpoint, brick:Supply_Air_Temperature_Setpoint] }',
      [{ id: 'sp', class: 'brick:Supply_Air_Temperature_Setpoint', of: null, unit: null }],
      'sp',
      'the next class is taken where the first is absent',
    ],
    [
      '{ class: brick:Leaving_Chilled_Water_Temperature_Sensor }',
      [{ id: 'chw', class: 'brick:Chilled_Water_Supply_Temperature_Sensor', of: null, unit: null }],
      'chw',
      'a deprecated name means its successor',
    ],
  ])('%s finds the point: %s %s %s', (input, points, wanted) => {
    const { bound, missing } = bind(rulesOf(input), asset, points);
    expect(missing).toEqual([]);
    const found = bound[0]?.inputs[0];
    expect(found?.from === 'point' && points[found.point]?.id).toBe(wanted);
  });

  test.each([
    [
      '{ class: brick:Valve_Position_Command, of: brick:Cooling_Coil }',
      [valve('hc', 'brick:Heating_Coil')],
      'no point brick:Valve_Position_Command of brick:Cooling_Coil',
    ],
    [
      '{ class: brick:Valve_Position_Command }',
      [valve('cc', 'brick:Cooling_Coil'), valve('hc', 'brick:Heating_Coil')],
      "2 points are brick:Valve_Position_Command: cc, hc; say which by 'of', 'named', 'index' or a narrower class",
    ],
    [
      '{ class: brick:Valve_Position_Command, unit: percent }',
      [valve('cc', null, 'degC')],
      'point cc is in degC, which cannot become percent',
    ],
    [
      '{ class: brick:Valve_Position_Command, unit: percent }',
      [valve('cc', null, null)],
      'point cc has no unit; the rule wants percent',
    ],
    [
      '{ class: brick:Valve_Position_Command, unit: percent }',
      [valve('cc', null, 'turns')],
      "point cc has the unknown unit 'turns'",
    ],
  ])('%s does not bind: %s %s', (input, points, reason) => {
    expect(bind(rulesOf(input), asset, points)).toEqual({ bound: [], missing: [{ rule: 'rule', input: 'x', reason }] });
  });

  test('an optional point may be absent, and has its default', () => {
    const { bound } = bind(rulesOf('{ class: brick:Valve_Position_Command, optional: true, default: 7 }'), asset, []);
    expect(bound[0]?.inputs).toEqual([{ from: 'constant', value: 7 }]);
  });

  test('rules of other classes are not even missing', () => {
    const other = { ...asset, class: 'brick:Pump' };
    expect(bind(rulesOf('{ class: brick:Valve_Position_Command }'), other, [])).toEqual({ bound: [], missing: [] });
  });

  test('staleness is that of the input, else of the point, else three intervals and at least a quarter of an hour', () => {
    const stale = (input: string, point: Partial<RulePoint>) => {
      const found = bind(rulesOf(`{ class: brick:Valve_Position_Command${input} }`), asset, [
        { ...valve('v', null), ...point },
      ]).bound[0]?.inputs[0];
      return found?.from === 'point' ? found.staleAfterMs / 60_000 : undefined;
    };
    expect(stale(', stale_after: 2m', { staleAfterMs: 60_000 })).toBe(2);
    expect(stale('', { staleAfterMs: 60_000 })).toBe(1);
    expect(stale('', { expectedIntervalMs: 60_000 })).toBe(15);
    expect(stale('', { expectedIntervalMs: 600_000 })).toBe(30);
  });

  test("parameters are the asset's where it states them, within their bounds", () => {
    const rules = rulesOf(
      '{ class: brick:Valve_Position_Command }',
      'params: { limit: { default: 5, min: 0, max: 10 }, fitted: {} }',
    );
    const points = [valve('v', null)];
    expect(bind(rules, { ...asset, params: { fitted: 1 } }, points).bound[0]?.variants[0]?.params).toEqual([5, 1]);
    expect(bind(rules, { ...asset, params: { fitted: 1, limit: 7 } }, points).bound[0]?.variants[0]?.params).toEqual([
      7, 1,
    ]);
    expect(bind(rules, asset, points).missing).toEqual([
      { rule: 'rule', input: 'fitted', reason: 'the asset has no parameter fitted' },
    ]);
    expect(bind(rules, { ...asset, params: { fitted: 1, limit: 70 } }, points).missing[0]?.reason).toContain(
      'outside 0..10',
    );
  });
});

describe('derived values', () => {
  const derived = {
    file: 'd.yaml',
    text: 'derived: mode\ntitle: M\napplies_to: { class: brick:AHU }\ninputs: { v: { class: brick:Valve_Position_Command, unit: percent } }\nvalue: "v > 50 ? 1.0 : 0.0"\n',
  };
  const rules = buildRuleSet([derived, { file: 'rule.yaml', text: ruleText('{ derived: mode }', '') }]).rules;

  test('are computed from points of the asset', () => {
    const { bound } = bind(rules, asset, [valve('v', null)]);
    expect(bound[0]?.inputs.map(({ from }) => from)).toEqual(['point', 'derived']);
  });

  test('are taken from the asset that publishes them, whose other points are then not needed', () => {
    const { bound, missing } = bind(rules, asset, [{ id: 'm', class: 'derived:mode', of: null, unit: null }]);
    expect(missing).toEqual([]);
    expect(bound[0]?.inputs.map(({ from }) => from)).toEqual(['constant', 'point']);
  });

  test('say which of their points is missing', () => {
    expect(bind(rules, asset, []).missing).toEqual([
      { rule: 'rule', input: 'x.v', reason: 'no point brick:Valve_Position_Command' },
    ]);
  });
});

function rulesOf(input: string, more = '') {
  const { rules, errors } = buildRuleSet([{ file: 'rule.yaml', text: ruleText(input, more) }]);
  expect(errors).toEqual([]);
  return rules;
}

function ruleText(input: string, more: string): string {
  return `rule: rule\nversion: 1\ntitle: T\napplies_to: { class: brick:AHU }\ninputs: { x: ${input} }\n${more}\nwhen: x > 1\nseverity: info\ncategory: fault\n`;
}
