import { expect, test } from 'vitest';
import { pathNames } from './found-node.ts';
import { compileRules, mapNode } from './mapping.ts';
import type { MappingRule } from './mapping-rule.ts';
import type { NodeRow } from './node-store.ts';
import { countVerdicts, planItems } from './plan.ts';

function compile(rules: MappingRule[]) {
  const compiled = compileRules(rules);
  if ('problems' in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.rules;
}

const map = (rules: MappingRule[], path: string, more: object = {}) =>
  mapNode(compile(rules), {
    node: 'nsu=urn:plant;s=x',
    names: pathNames(path),
    dataType: 'Double',
    unit: null,
    ...more,
  });

test('the first rule that matches decides, and its names may stand anywhere in a template', () => {
  const rules: MappingRule[] = [
    { path: '**/Diagnostics/**', skip: true },
    { path: 'Plant/{area}/CH-{n}/{point}', site: 'site-{area}', asset: 'Chiller {n}', point: '{point}_{n}' },
    { path: '**/{asset}/{point}' },
  ];
  expect(map(rules, 'Plant/A/CH-1/Diagnostics/Uptime')).toEqual({ kind: 'skipped', rule: 0 });
  expect(map(rules, 'Plant/A/CH-1/Power')).toEqual({
    kind: 'mapped',
    rule: 1,
    site: 'site-A',
    asset: 'Chiller 1',
    point: 'Power_1',
  });
  expect(map(rules, 'Plant/A/P-1/Speed')).toEqual({
    kind: 'mapped',
    rule: 2,
    site: null,
    asset: 'P-1',
    point: 'Speed',
  });
  expect(map(rules, 'Speed')).toEqual({ kind: 'unmapped' });
});

test('{name} is the last name of any path', () => {
  expect(map([{ path: 'Plant/**', asset: 'plant', point: '{name}' }], 'Plant/A/B/Speed')).toMatchObject({
    point: 'Speed',
  });
});

test.each<[MappingRule['when'], object, boolean]>([
  [{ data_type: 'Double' }, {}, true],
  [{ data_type: ['Float', 'Boolean'] }, {}, false],
  [{ data_type: 'Double' }, { dataType: null }, false],
  [{ unit: ['degC', 'K'] }, { unit: 'K' }, true],
  [{ unit: 'degC' }, {}, false],
  [{ node: 'nsu=urn:plant;s=' }, {}, true],
  [{ node: 'nsu=urn:other;' }, {}, false],
  [{ node: 'nsu=urn:plant;', data_type: 'Boolean' }, {}, false],
])('a condition %o on %o: %s', (when, node, fits) => {
  const mapped = map([{ path: '{asset}/{point}', when }], 'A/B', node);
  expect(mapped.kind).toBe(fits ? 'mapped' : 'unmapped');
});

test('names that cannot be are said, and are no points', () => {
  const rules: MappingRule[] = [{ path: '{asset}/{point}' }];
  expect(map(rules, `A/${'x'.repeat(129)}`)).toMatchObject({
    kind: 'unusable',
    detail: expect.stringMatching(/point/),
  });
  expect(map(rules, 'A\u0007/B')).toMatchObject({ kind: 'unusable', detail: expect.stringMatching(/asset/) });
});

test('every mistake in rules is told with its place', () => {
  const compiled = compileRules([
    { path: 'Plant//x' },
    { path: 'Plant/{asset}/*' },
    { path: 'Plant/{asset}/{point}', site: '{area}', asset: 'CH-{n' },
    { path: 'Plant/*/x', skip: true },
    { path: 'Plant/*/x', asset: 'a', point: 'b' },
  ]);
  expect('problems' in compiled && compiled.problems.map(({ pointer }) => pointer)).toEqual([
    '/rules/0/path',
    '/rules/1/point',
    '/rules/2/site',
    '/rules/2/asset',
    '/rules/4/path',
  ]);
});

const row = (path: string, more: Partial<NodeRow> = {}): NodeRow => ({
  node: `nsu=urn:plant;s=${path}`,
  field: '',
  browsePath: path,
  dataType: 'Double',
  unit: null,
  low: null,
  high: null,
  description: null,
  isReadable: true,
  hasHistory: false,
  ...more,
});

test('a plan has a verdict for each value, and makes no item of what conflicts with another or with what there is', () => {
  const rules = compile([
    { path: 'skip/**', skip: true },
    { path: '{asset}/same*', point: 'same' },
    { path: '{asset}/{point...}', class: 'brick:Sensor', sampling_interval_ms: 100 },
  ]);
  const present = {
    items: [
      { id: 1, node: 'nsu=urn:plant;s=A/there', field: '', site: 'plant', asset: 'Z', point: 'named by a person' },
      { id: 2, node: 'nsu=urn:plant;s=elsewhere', field: '', site: 'plant', asset: 'A', point: 'taken' },
    ],
    slugs: new Set(['plant']),
    site: 'plant',
  };
  const rows = [
    row('A/new', { field: 'Inlet.T' }),
    row('A/there'),
    row('A/taken'),
    row('A/same1'),
    row('A/same2'),
    row('skip/this'),
    row('alone'),
    row('A/secret', { isReadable: false }),
  ];
  const planned = planItems(rows, { rules, present });
  expect(planned.map(({ shown }) => shown.verdict)).toEqual([
    'new',
    'exists',
    'conflict',
    'conflict',
    'conflict',
    'skipped',
    'unmapped',
    'unusable',
  ]);
  expect(planned.flatMap(({ item }) => item ?? [])).toEqual([
    {
      node: 'nsu=urn:plant;s=A/new',
      field: 'Inlet.T',
      site: 'plant',
      asset: 'A',
      point: 'new_Inlet_T',
      class: 'brick:Sensor',
      sampling_interval_ms: 100,
      deadband: { kind: 'none', value: 0 },
    },
  ]);
  expect(planned[1]?.shown).toMatchObject({ item_id: 1, asset: 'Z', point: 'named by a person' });
  expect(planned[2]?.shown.detail).toMatch(/the item 2, nsu=urn:plant;s=elsewhere,/);
  expect(planned[3]?.shown.detail).toContain('A/same2');
  expect(planned[4]?.shown.detail).toContain('A/same1');
  expect(countVerdicts(planned)).toEqual({ new: 1, exists: 1, conflict: 3, skipped: 1, unmapped: 1, unusable: 1 });
});

test('a site that there is not is told, and the steps of a field are names of the path', () => {
  const rules = compile([{ path: 'at/{site}/{asset}/{point}' }]);
  const present = { items: [], slugs: new Set(['plant']), site: 'plant' };
  const [known, unknown] = planItems([row('at/plant/A', { field: 'T' }), row('at/nowhere/A', { field: 'T' })], {
    rules,
    present,
  });
  expect(known?.item).toMatchObject({ site: 'plant', asset: 'A', point: 'T' });
  expect(unknown?.shown).toMatchObject({ verdict: 'unusable', detail: expect.stringContaining('nowhere') });
});
