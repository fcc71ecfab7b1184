import { expect, test } from 'vitest';
import { parseColumnMap } from './column-map.ts';

const good = `time: { column: Datetime, format: "M/d/yyyy H:mm", zone: America/Chicago }
asset: { name: AHU-A, class: brick:AHU, params: { min_oa: 0.40 } }
points:
  "AHU: Supply Air Temperature": { class: brick:Supply_Air_Temperature_Sensor, unit: degF }
  "AHU: Cooling Valve": { class: brick:Valve_Position_Command, of: brick:Cooling_Coil, unit: fraction }
`;

test('a map says which column is the time, which asset it is and what each point is', () => {
  const map = parseColumnMap(good, 'map.yaml');
  expect(map).toMatchObject({
    layout: 'wide',
    time: { column: 'Datetime', zone: 'America/Chicago' },
    asset: { name: 'AHU-A', class: 'brick:AHU', params: { min_oa: 0.4 } },
  });
  expect(map.points.map(({ place: _, ...point }) => point)).toEqual([
    {
      label: 'AHU: Supply Air Temperature',
      slug: 'ahu-supply-air-temperature',
      class: 'brick:Supply_Air_Temperature_Sensor',
      unit: 'degF',
    },
    {
      label: 'AHU: Cooling Valve',
      slug: 'ahu-cooling-valve',
      class: 'brick:Valve_Position_Command',
      of: 'brick:Cooling_Coil',
      unit: 'fraction',
    },
  ]);
});

test.each([
  ['zone: America/Chicago', 'zone: America/Chicgo', '1:58: no time zone "America/Chicgo"; write an IANA name'],
  [', zone: America/Chicago', '', '1:7: time needs zone, an IANA name such as America/Chicago'],
  ['H:mm', 'H:nn', '1:35: time format "M/d/yyyy H:nn": unknown field nn; there are'],
  ['column: Datetime', 'colum: Datetime', '1:9: time has no key colum; there are column, format, zone'],
  ['name: AHU-A, ', '', '2:8: asset needs either name, or column when the file holds several assets'],
  ['name: AHU-A', 'name: 7', '2:16: name is a text'],
  ['0.40', '[1]', '2:59: params: min_oa is a number'],
  [
    'unit: degF',
    'units: degF',
    '4:80: point "AHU: Supply Air Temperature" has no key units; there are class, of, unit, stale_after, expected_interval',
  ],
  ['points:', 'pionts:', '3:1: the file has no key pionts; there are time, asset, points, layout, point, value'],
  ['points:', 'layout: tall\npoints:', '3:9: layout is wide or long, not "tall"'],
  ['points:', 'value: { column: v }\npoints:', '3:8: value belongs to layout: long'],
  ['points:', 'points: {', '6:1: '],
])('%j written as %j is an error at its line and column', (right, wrong, message) => {
  expect(() => parseColumnMap(good.replace(right, wrong), 'map.yaml')).toThrow(`map.yaml:${message}`);
});

test('a map without points is an error', () => {
  const empty = `${good.slice(0, good.indexOf('points:'))}points: {}`;
  expect(() => parseColumnMap(empty, 'map.yaml')).toThrow('map.yaml:3:9: points is empty; name at least one column');
});

test('all mistakes of a map are reported at once', () => {
  const bad = good.replace('Chicago', 'Chicgo').replace('name: AHU-A, ', '').replace('unit: degF', 'units: degF');
  expect(() => parseColumnMap(bad, 'map.yaml')).toThrow(/^map.yaml:1:.*\nmap.yaml:2:.*\nmap.yaml:4:.*$/);
});

test('a long layout names the columns of point and value, or leaves them at those names', () => {
  const long = good.replace('points:', 'layout: long\npoint: { column: Tag }\npoints:');
  expect(parseColumnMap(long, 'map.yaml')).toMatchObject({ layout: 'long', pointColumn: 'Tag', valueColumn: 'value' });
});
