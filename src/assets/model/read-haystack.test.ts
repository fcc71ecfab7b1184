import { describe, expect, test } from 'vitest';
import { isKnownClass } from '../brick-classes.ts';
import { type ImportModel, ModelError } from './building-model.ts';
import { equipmentTable, pointTable, spaceTable } from './haystack-tables.ts';
import { findEquipmentClass, findPointMeaning } from './haystack-tags.ts';
import { timeZoneOf } from './read-haystack.ts';
import { readModel } from './read-model.ts';

function read(rows: unknown, more: object = {}): ImportModel {
  const options = { site: null, siteName: null, timeZone: null, assumeUnits: null };
  return readModel({
    text: JSON.stringify({ meta: { ver: '3.0' }, cols: [], rows, ...more }),
    format: 'haystack',
    options,
  });
}

const haystack3 = [
  { id: 'r:s House', site: 'm:', dis: 'House', tz: 'New_York' },
  { id: 'r:f', floor: 'm:', siteRef: 'r:s', dis: 's:Floor 1' },
  { id: 'r:p', equip: 'm:', hotWaterPlant: 'm:', siteRef: 'r:s', navName: 'Plant' },
  {
    id: 'r:a',
    equip: 'm:',
    ahu: 'm:',
    rooftop: 'm:',
    siteRef: 'r:s',
    navName: 'RTU-1',
    hotWaterPlantRef: 'r:p',
    spaceRef: 'r:f',
  },
  { id: 'r:v', equip: 'm:', vav: 'm:', siteRef: 'r:s', navName: 'VAV-1', ahuRef: 'r:a Whatever' },
  {
    id: 'r:t',
    point: 'm:',
    sensor: 'm:',
    temp: 'm:',
    air: 'm:',
    discharge: 'm:',
    equipRef: 'r:a',
    siteRef: 'r:s',
    navName: 'DAT',
    kind: 'Number',
    unit: '°F',
  },
  {
    id: 'r:d',
    point: 'm:',
    cmd: 'm:',
    damper: 'm:',
    outside: 'm:',
    air: 'm:',
    equipRef: 'r:a',
    siteRef: 'r:s',
    navName: 'OAD',
    kind: 'Number',
    unit: '%',
  },
  {
    id: 'r:n',
    point: 'm:',
    cmd: 'm:',
    fan: 'm:',
    discharge: 'm:',
    equipRef: 'r:a',
    siteRef: 'r:s',
    navName: 'Fan',
    kind: 'Bool',
    enum: 'off,on',
    curVal: 'n:1',
  },
  {
    id: 'r:z',
    point: 'm:',
    sp: 'm:',
    temp: 'm:',
    air: 'm:',
    zone: 'm:',
    cooling: 'm:',
    equipRef: 'r:v',
    siteRef: 'r:s',
    navName: 'ClgSp',
    kind: 'Number',
    unit: '°F',
  },
];

/** The same in the encoding of Haystack 4. */
function inHayson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const [, letter, rest = ''] = /^([mrsn]):(.*)$/.exec(value) ?? [];
  const [id = '', ...dis] = rest.split(' ');
  if (letter === 'm') return { _kind: 'marker' };
  if (letter === 'r') return { _kind: 'ref', val: id, ...(dis.length > 0 && { dis: dis.join(' ') }) };
  if (letter === 'n') return { _kind: 'number', val: Number(id) };
  return letter === 's' ? rest : value;
}
const hayson = haystack3.map((row) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, inHayson(value)])),
);

describe('a grid', () => {
  const model = read(haystack3);

  test('gives sites with their zone, places, equipment, points with part, unit and states', () => {
    expect(model.sites).toEqual([{ externalId: 's', slug: 'house', name: 'House', timeZone: 'America/New_York' }]);
    expect(model.locations.map(({ name, class: place }) => [name, place])).toEqual([['Floor 1', 'brick:Floor']]);
    expect(model.assets.map((asset) => [asset.name, asset.class, asset.location])).toEqual([
      ['Plant', 'brick:Hot_Water_System', null],
      ['RTU-1', 'brick:RTU', 'f'],
      ['VAV-1', 'brick:VAV', null],
    ]);
    expect(
      model.points.map((point) => [point.asset, point.name, point.class, point.partOf, point.unit, point.states]),
    ).toEqual([
      ['a', 'DAT', 'brick:Supply_Air_Temperature_Sensor', null, '°F', null],
      ['a', 'OAD', 'brick:Damper_Position_Command', 'brick:Outside_Damper', '%', null],
      ['a', 'Fan', 'brick:Fan_On_Off_Command', 'brick:Supply_Fan', 'bool', { off: 0, on: 1 }],
      ['v', 'ClgSp', 'brick:Cooling_Zone_Air_Temperature_Setpoint', null, '°F', null],
    ]);
    expect(model.relations).toEqual([
      { from: 'p', kind: 'feeds', to: 'a' },
      { from: 'a', kind: 'feeds', to: 'v' },
    ]);
    expect(model.findings).toEqual([]);
  });

  test('says the same in both encodings, and as a bare list', () => {
    expect(read(hayson, { _kind: 'grid', meta: { ver: '3.0' } })).toEqual(model);
    const options = { site: null, siteName: null, timeZone: null, assumeUnits: null };
    expect(readModel({ text: JSON.stringify(hayson), format: null, options })).toEqual(model);
  });
});

test('every class of the tables is one that the table of classes knows', () => {
  const classes = [pointTable, equipmentTable, spaceTable]
    .flatMap((table) => table.trim().split('\n'))
    .map((line) => `brick:${line.split('|')[1]}`);
  expect(classes.filter((name) => !isKnownClass(name))).toEqual([]);
});

test.each([
  ['zone air temp sensor', false, 'brick:Zone_Air_Temperature_Sensor', null],
  ['space air temp sensor', false, 'brick:Zone_Air_Temperature_Sensor', null],
  ['zone air temp effective sp', false, 'brick:Zone_Air_Temperature_Setpoint', null],
  ['outside air temp sensor weatherPoint', false, 'brick:Outside_Air_Temperature_Sensor', null],
  ['cool valve cmd', false, 'brick:Valve_Position_Command', 'brick:Cooling_Coil'],
  ['heating hot water valve cmd', false, 'brick:Valve_Position_Command', 'brick:Heating_Coil'],
  ['discharge fan run sensor', true, 'brick:Fan_On_Off_Status', 'brick:Supply_Fan'],
  ['discharge fan speed cmd', false, 'brick:Fan_Speed_Command', 'brick:Supply_Fan'],
  ['chilled water leaving temp sensor', false, 'brick:Leaving_Chilled_Water_Temperature_Sensor', null],
  ['chilledWater entering temp sensor', false, 'brick:Entering_Chilled_Water_Temperature_Sensor', null],
  ['elec power sensor', false, 'brick:Electric_Power_Sensor', null],
  ['discharge air flow sp', false, 'brick:Supply_Air_Flow_Setpoint', null],
  ['oil level sensor', false, 'brick:Sensor', null],
  ['mystery', false, undefined, undefined],
])('the tags %s (Bool: %s) are a %s of %s', (tags, isBool, expected, part) => {
  const meaning = findPointMeaning(new Set(tags.split(' ')), isBool);
  expect([meaning?.class, meaning?.part]).toEqual([expected, part]);
});

test.each([
  ['fcu', 'brick:Fan_Coil_Unit'],
  ['chiller', 'brick:Chiller'],
  ['boiler hot water', 'brick:Boiler'],
  ['cooling-tower', 'brick:Cooling_Tower'],
  ['pump chilled water', 'brick:Chilled_Water_Pump'],
  ['fan exhaust', 'brick:Exhaust_Fan'],
  ['elec meter siteMeter', 'brick:Electrical_Meter'],
  ['elec-meter', 'brick:Electrical_Meter'],
  ['vav reheat hotWaterReheat', 'brick:RVAV'],
  ['coffee', undefined],
])('equipment with the tags %s is a %s', (tags, expected) =>
  expect(findEquipmentClass(new Set(tags.split(' ')))).toBe(expected),
);

test.each([
  ['New_York', 'America/New_York'],
  ['London', 'Europe/London'],
  ['UTC', 'UTC'],
  ['Atlantis', null],
])('the zone %s is %s', (city, zone) => expect(timeZoneOf(city)).toBe(zone));

test.each([
  '',
  'hello',
  '{}',
  '[]',
  '{"rows": 1}',
  '{"rows": [1]}',
  '{"rows": []}',
  '{"rows": [{"id": "x"}]}',
  '['.repeat(100_000),
])('%.40j is a ModelError', (text) => {
  const options = { site: null, siteName: null, timeZone: null, assumeUnits: null };
  expect(() => readModel({ text, format: 'haystack', options })).toThrow(ModelError);
});
