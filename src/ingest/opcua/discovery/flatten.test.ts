import { describe, expect, test } from 'vitest';
import { isField } from '../items/item.ts';
import { type EngineeringUnit, unitOf } from './engineering-unit.ts';
import { type Described, flatten, flattenLimits, type Member, type TypeDefinition } from './flatten.ts';

const member = (name: string, typeId: string, valueRank = -1, dimensions: number[] = []): Member => ({
  name,
  typeId,
  valueRank,
  dimensions,
});
const types = new Map<string, TypeDefinition>([
  ['double', { kind: 'scalar', name: 'Double' }],
  ['bytes', { kind: 'unusable', name: 'ByteString' }],
  ['phase', { kind: 'structure', name: 'Phase', members: [member('Current', 'double'), member('Raw', 'bytes')] }],
  [
    'pump',
    {
      kind: 'structure',
      name: 'Pump',
      members: [member('Speed', 'double'), member('Phases', 'phase', 1, [2]), member('Trend', 'double', 1)],
    },
  ],
  ['list', { kind: 'structure', name: 'List', members: [member('Value', 'double'), member('Next', 'list')] }],
  [
    'odd',
    {
      kind: 'structure',
      name: 'Odd',
      members: [member('a.b', 'double'), member('c[0]', 'double'), member('d', 'double')],
    },
  ],
]);
const flat = (typeId: string, more: Partial<Described> = {}) =>
  flatten({ typeId, valueRank: -1, dimensions: [], ...more }, types);
const namesOf = (...args: Parameters<typeof flat>) => flat(...args).fields.map(({ field }) => field);

describe('the parts of a value', () => {
  test('of a scalar are all of it, also where nothing is known of its type', () => {
    expect(flat('double')).toEqual({ fields: [{ field: '', dataType: 'Double' }], problem: null });
    expect(flat('unheard of')).toEqual({ fields: [{ field: '', dataType: null }], problem: null });
  });

  test('of an array and a matrix are their elements, by the lengths that are stated or else by a value', () => {
    expect(namesOf('double', { valueRank: 1, dimensions: [2] })).toEqual(['[0]', '[1]']);
    expect(namesOf('double', { valueRank: 1, dimensions: [0], sample: new Float64Array(3) })).toEqual([
      '[0]',
      '[1]',
      '[2]',
    ]);
    expect(namesOf('double', { valueRank: 2, dimensions: [2, 2] })).toEqual(['[0,0]', '[0,1]', '[1,0]', '[1,1]']);
    const matrix = { elements: [1, 2, 3], dimensions: [1, 3] };
    expect(namesOf('double', { valueRank: 2, sample: matrix })).toEqual(['[0,0]', '[0,1]', '[0,2]']);
    expect(flat('double', { valueRank: 1 })).toMatchObject({ fields: [], problem: expect.stringMatching(/length/) });
  });

  test('of what may be a scalar or an array are what the value is now', () => {
    expect(namesOf('double', { valueRank: -3, sample: 5 })).toEqual(['']);
    expect(namesOf('double', { valueRank: -3, sample: [5] })).toEqual(['[0]']);
    expect(namesOf('double', { valueRank: -2 })).toEqual(['']);
  });

  test('of a structure are its members and theirs, but for those that are no number and no text', () => {
    const { fields, problem } = flat('pump', { sample: { speed: 1, trend: [1, 2] } });
    expect(fields.map(({ field }) => field)).toEqual([
      'Speed',
      'Phases[0].Current',
      'Phases[1].Current',
      'Trend[0]',
      'Trend[1]',
    ]);
    expect(problem).toMatch(/Phases\[0\]\.Raw is of the type ByteString/);
    expect(fields.every(({ field }) => isField(field))).toBe(true);
  });

  test('of a structure that nobody describes are what a value of it has', () => {
    const opaque = new Map(types).set('opaque', { kind: 'opaque', name: 'Status' });
    const sample = {
      state: 1,
      startTime: new Date(0),
      reason: { locale: null, text: 'none' },
      nested: { product: 'x', bytes: Buffer.from('x') },
      list: [1, { a: true }],
      'a.b': 1,
    };
    const value = { typeId: 'opaque', valueRank: -1, dimensions: [] };
    const names = flatten({ ...value, sample }, opaque).fields.map(({ field }) => field);
    expect(names).toEqual(['state', 'startTime', 'reason', 'nested.product', 'list[0]', 'list[1].a']);
    expect(names.every(isField)).toBe(true);
    expect(flatten({ ...value, sample: Buffer.from('bytes') }, opaque)).toMatchObject({
      fields: [],
      problem: expect.stringMatching(/Status, which the server does not describe/),
    });
    expect(namesOf('double', { valueRank: -2, sample: Buffer.from('bytes') })).toEqual(['']);
  });

  test('end where a structure holds itself, an array is long, or there are very many', () => {
    expect(namesOf('list')).toHaveLength(flattenLimits.depthMax);
    expect(flat('list').problem).toMatch(/nested deeper/);
    const long = flat('double', { valueRank: 1, dimensions: [1_000_000_000] });
    expect(long.fields).toHaveLength(flattenLimits.elementsMax);
    expect(long.problem).toMatch(/only the first 512 of 1000000000/i);
    const wide = new Map(types).set('wide', {
      kind: 'structure',
      name: 'Wide',
      members: Array.from({ length: 100 }, (_, at) => member(`m${at}`, 'double', 1, [512])),
    });
    const all = flatten({ typeId: 'wide', valueRank: 1, dimensions: [512] }, wide);
    expect(all.fields).toHaveLength(flattenLimits.fieldsMax);
    expect(all.problem).toMatch(/only the first 2000 parts/i);
    const endless = new Map(types).set('endless', {
      kind: 'structure',
      name: 'Endless',
      members: [member('More', 'endless', 1, [512])],
    });
    const startedAt = performance.now();
    expect(flatten({ typeId: 'endless', valueRank: 1, dimensions: [512] }, endless).fields).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('leave out members that no field can name', () => {
    expect(namesOf('odd')).toEqual(['d']);
    expect(flat('odd').problem).toMatch(/name/);
  });
});

const cefact = 'http://www.opcfoundation.org/UA/units/un/cefact';
test.each<[string, Partial<EngineeringUnit>, string | null]>([
  ['its code', { namespaceUri: cefact, unitId: 4_408_652, displayName: '°C' }, 'degC'],
  ['its code, whatever its name', { namespaceUri: cefact, unitId: 0x4b5041, displayName: 'kilopascals!' }, 'kPa'],
  ['its name, where the code is of nobody', { namespaceUri: 'urn:own', unitId: 17, displayName: 'L/s' }, 'L/s'],
  ['its name before a code of another list', { namespaceUri: 'urn:own', unitId: 4_408_652, displayName: 'kW' }, 'kW'],
  ['its description', { namespaceUri: cefact, unitId: -1, displayName: 'Grad', description: 'degree Celsius' }, 'degC'],
  ['what it shows', { displayName: 'widgets/h' }, 'widgets/h'],
  ['what can be kept of what it shows', { displayName: `a\u0000b${'x'.repeat(50)}` }, `ab${'x'.repeat(30)}`],
  ['nothing', { displayName: ' ' }, null],
])('a unit is known by %s', (_by, given, unit) => {
  expect(unitOf({ namespaceUri: null, unitId: -1, displayName: null, description: null, ...given })).toBe(unit);
});
