/**
 * Models of real buildings, which lie beside the project where they are at hand: what is read of them against counts by an
 * independent query, and which rules can run on them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataFactory, Parser, Store } from 'n3';
import { describe, expect, test } from 'vitest';
import { isKnownClass, isSubclassOf } from '../src/assets/brick-classes.ts';
import type { ImportModel } from '../src/assets/model/building-model.ts';
import { countUnderstood } from '../src/assets/model/model-report.ts';
import { readModel } from '../src/assets/model/read-model.ts';
import { findUnit } from '../src/assets/units.ts';
import { bindAll } from '../src/rules/kernel/bind.ts';
import { loadRules } from '../src/rules/language/load-rules.ts';

const folder = join(import.meta.dirname, '../../shared/data/models');
const isThere = existsSync(folder);
const where = isThere ? '' : ' (skipped: the folder ../shared/data/models is not there)';
const text = (file: string) => readFileSync(join(folder, file), 'utf8');

function read(file: string, assumeUnits: 'us' | null = null): ImportModel {
  return readModel({
    text: text(file),
    format: null,
    options: { site: null, siteName: null, timeZone: null, assumeUnits },
  });
}

/** How many subjects of a Turtle file have one of these types, asked of the triples themselves. */
function countTyped(file: string, names: readonly string[]): number {
  const store = new Store(new Parser().parse(text(file)));
  const type = DataFactory.namedNode('http://www.w3.org/1999/02/22-rdf-syntax-ns#type');
  const found = new Set<string>();
  for (const { subject, object } of store.getQuads(null, type, null, null)) {
    if (names.includes(object.value.replace(/^.*#/, '')) && !subject.value.includes('brickschema.org'))
      found.add(subject.value);
  }
  return found.size;
}

const countAssets = (model: ImportModel, name: string) =>
  model.assets.filter((asset) => asset.class === `brick:${name}`).length;
const countPoints = (model: ImportModel, names: readonly string[]) =>
  model.points.filter((point) => names.includes(point.class ?? '')).length;
const countFinding = (model: ImportModel, code: string) =>
  model.findings.find((finding) => finding.code === code)?.count ?? 0;

describe.skipIf(!isThere)(`models of real buildings${where}`, () => {
  test.each([
    ['DIEF_Site_B.ttl', 'Fan_Coil_Unit', 13],
    ['DIEF_Site_B.ttl', 'Air_Handler_Unit', 5],
    ['DIEF_Site_B.ttl', 'Cooling_Coil', 18],
    ['DIEF_Site_B.ttl', 'Electrical_Meter', 5],
    ['DIEF_Site_B.ttl', 'Chiller', 1],
    ['berkeley.ttl', 'VAV', 243],
    ['berkeley.ttl', 'AHU', 5],
    ['berkeley.ttl', 'Exhaust_Fan', 5],
    ['Rice.ttl', 'VAV', 8],
  ])('%s has its equipment: %s %i times', (file, name, count) => {
    expect(countTyped(file, [name])).toBe(count);
    expect(countAssets(read(file), name)).toBe(count);
  });

  test('the four air handlers of Rice that have no type are known by what they feed', () => {
    expect([countTyped('Rice.ttl', ['AHU']), countAssets(read('Rice.ttl'), 'AHU')]).toEqual([4, 8]);
  });

  test.each([
    ['DIEF_Site_B.ttl', ['Electrical_Power_Sensor'], ['brick:Electric_Power_Sensor'], 39],
    [
      'DIEF_Site_B.ttl',
      ['Position_Sensor', 'Damper_Position_Sensor'],
      ['brick:Valve_Position_Sensor', 'brick:Damper_Position_Sensor'],
      46,
    ],
    ['DIEF_Site_B.ttl', ['Discharge_Air_Temperature_Sensor'], ['brick:Discharge_Air_Temperature_Sensor'], 10],
    ['berkeley.ttl', ['Zone_Temperature_Sensor'], ['brick:Zone_Air_Temperature_Sensor'], 232],
    ['berkeley.ttl', ['Zone_Temperature_Setpoint'], ['brick:Target_Zone_Air_Temperature_Setpoint'], 231],
    ['berkeley.ttl', ['Supply_Air_Flow_Sensor'], ['brick:Supply_Air_Flow_Sensor'], 242],
    ['berkeley.ttl', ['Reheat_Valve_Command'], ['brick:Valve_Position_Command'], 135],
    ['Rice.ttl', ['Room_Temperature_Sensor'], ['brick:Room_Air_Temperature_Sensor'], 137],
    [
      'Rice.ttl',
      ['Chilled_Water_Discharge_Temperature', 'Chilled_Water_Supply_Temperature_Sensor'],
      ['brick:Leaving_Chilled_Water_Temperature_Sensor'],
      18,
    ],
  ])('%s: the points that are %j are %j, %i of them', (file, names, classes, count) => {
    expect(countTyped(file, names)).toBe(count);
    expect(countPoints(read(file), classes)).toBe(count);
  });

  test.each([
    ['DIEF_Site_B.ttl', 851, 173, 92, 0.87, 0],
    ['berkeley.ttl', 941, 264, 494, 0.98, 0],
    ['Rice.ttl', 574, 29, 105, 0.7, 393],
    ['carytown.json', 17, 4, 0, 0.85, 0],
  ])(
    '%s: %i points, %i assets, %i places, a share of %f understood exactly, %i points of nothing',
    (file, points, assets, places, share, orphans) => {
      const model = read(file);
      expect([model.points.length, model.assets.length, model.locations.length]).toEqual([points, assets, places]);
      const { things, exactly } = countUnderstood(model);
      expect(exactly / things).toBeGreaterThan(share);
      expect(countFinding(model, 'point_without_equipment')).toBe(orphans);
      expect(model.assets.filter((asset) => asset.class !== null && !isKnownClass(asset.class))).toEqual([]);
      expect(model.points.filter((point) => point.class !== null && !isKnownClass(point.class))).toEqual([]);
    },
  );

  test('no asset of a real building is upstream of itself', () => {
    for (const file of ['DIEF_Site_B.ttl', 'berkeley.ttl', 'Rice.ttl']) {
      const { relations } = read(file);
      const above = new Map<string, Set<string>>();
      for (const { from, kind, to } of relations) {
        const [low, high] = kind === 'feeds' ? [to, from] : [from, to];
        above.set(low, (above.get(low) ?? new Set()).add(high));
      }
      for (const start of above.keys()) {
        const reached = new Set(above.get(start));
        for (const id of reached) for (const next of above.get(id) ?? []) reached.add(next);
        expect([file, start, reached.has(start)]).toEqual([file, start, false]);
      }
    }
  });
});

/** Which rules run on a model, and on how many pieces of equipment. */
async function countRuns(model: ImportModel): Promise<Map<string, number>> {
  const { rules } = await loadRules(join(import.meta.dirname, '../rules'));
  const upstream = new Map<string, string[]>();
  for (const { from, kind, to } of model.relations) {
    const [low, high] = kind === 'feeds' ? [to, from] : [from, to];
    upstream.set(low, [...(upstream.get(low) ?? []), high]);
  }
  const points = Map.groupBy(model.points, ({ asset }) => asset);
  const assets = model.assets.flatMap(({ externalId: id, name, class: className }) => {
    if (className === null) return [];
    const own = (points.get(id) ?? []).map((point) => ({
      id: point.externalId,
      class: point.class,
      of: point.partOf,
      unit: point.unit === null ? null : (findUnit(point.unit)?.id ?? point.unit),
    }));
    const asset = { id, name, class: className, siteTimeZone: 'UTC', upstream: upstream.get(id) ?? [] };
    return [{ asset, points: own }];
  });
  const runs = bindAll(rules, assets).flatMap(({ bound }) => bound.map(({ rule }) => rule.id));
  return new Map([...Map.groupBy(runs, (id) => id)].map(([id, all]) => [id, all.length]));
}

describe.skipIf(!isThere)(`rules on models of real buildings${where}`, () => {
  test('without units no rule compares temperatures; with the usual ones the boxes of Soda Hall are watched', async () => {
    const bare = await countRuns(read('berkeley.ttl'));
    const withUnits = await countRuns(read('berkeley.ttl', 'us'));
    expect(bare.get('vav-zone-sensor-out-of-range')).toBeUndefined();
    expect(withUnits.get('vav-zone-sensor-out-of-range')).toBe(232);
    expect(withUnits.get('ahu-supply-air-sensor-out-of-range')).toBe(4);
    // One air handler of five has a sensor of outdoor air; the others go by it.
    expect([withUnits.get('ahu-outdoor-air-sensor-flat'), withUnits.get('ahu-no-supply-air-reset')]).toEqual([1, 4]);
  });

  test('a meter and a rooftop unit in Haystack are watched as they are', async () => {
    const runs = await countRuns(read('carytown.json'));
    expect(runs.get('meter-register-backwards')).toBe(1);
    expect(runs.get('ahu-supply-air-sensor-out-of-range')).toBe(1);
    // Its fan has a command and no status, which tells as well when the unit runs.
    expect(runs.get('ahu-supply-air-sensor-silent')).toBe(1);
    expect(runs.get('ahu-supply-fan-status')).toBeUndefined();
  });
});

/**
 * What the library's rules of Guideline 36 ask for and the shapes of the Guideline's points do not: the shapes take the
 * operating state as a point, ours is computed from the commands, and look at any unit, ours only at one that runs.
 */
const computed = [
  'brick:Valve_Position_Command',
  'brick:Damper_Position_Command',
  'brick:Fan_On_Off_Status',
  'brick:Occupancy_Status',
  // What stands in for these where a model has no other.
  'brick:Valve_Position_Sensor',
  'brick:Damper_Position_Sensor',
  'brick:Fan_Status',
  'brick:Fan_On_Off_Command',
];
const differences: Record<string, string[]> = {
  'g36-fc1': ['brick:Fan_Speed_Command'],
  'g36-fc6': ['brick:Supply_Air_Flow_Sensor'],
  'g36-fc7': ['brick:Mixed_Air_Temperature_Sensor'],
  'g36-fc10': ['brick:Return_Air_Temperature_Sensor'],
  // The shapes take the mixed and the supply air for the air before and behind a coil; ours want sensors of the coil itself.
  'g36-fc14': ['faultline:Entering_Air_Temperature_Sensor', 'faultline:Leaving_Air_Temperature_Sensor'],
  'g36-fc15': ['faultline:Entering_Air_Temperature_Sensor', 'faultline:Leaving_Air_Temperature_Sensor'],
};

/** The classes of points that each fault condition of a SHACL file names, by its number. */
function readShapes(file: string): Map<string, Set<string>> {
  const shapes = new Map<string, Set<string>>();
  for (const piece of text(file).split(/^:fc-/m).slice(1)) {
    const number = /^\d+/.exec(piece)?.[0] ?? '';
    const classes = [...piece.matchAll(/^[^#\n]*sh:class (brick:\w+)/gm)].map(([, name = '']) => name);
    shapes.set(number, new Set([...(shapes.get(number) ?? []), ...classes]));
  }
  return shapes;
}

describe.skipIf(!isThere)(`the points of Guideline 36${where}`, () => {
  test('no rule asks for a point that the shapes do not know, but for the differences that are written down', async () => {
    const shapes = readShapes('shacl_g36_5.16.14_mzvav_afdd.ttl');
    for (const [number, classes] of readShapes('shacl_g36_5.18.13_szvav_afdd.ttl')) {
      shapes.set(number, new Set([...(shapes.get(number) ?? []), ...classes]));
    }
    // FC3 is FC2 with the other sign, and its shape says only that.
    shapes.set('3', shapes.get('2') as Set<string>);
    const { rules } = await loadRules(join(import.meta.dirname, '../rules'));
    const asked = rules.rules.filter(({ id }) => /^g36-fc\d+$/.test(id));
    expect(asked.length).toBeGreaterThanOrEqual(15);
    for (const rule of asked) {
      const known = [...(shapes.get(rule.id.slice(6)) ?? [])];
      const isKnown = (name: string) => known.some((one) => isSubclassOf(name, one) || isSubclassOf(one, name));
      const classes = rule.inputs.filter(({ derived }) => derived === null).flatMap((input) => input.classes);
      const strange = classes.filter(
        (name) => !isKnown(name) && !computed.includes(name) && !differences[rule.id]?.includes(name),
      );
      expect([rule.id, strange]).toEqual([rule.id, []]);
    }
  });

  test('all classes that the shapes name are known here', () => {
    const names = ['shacl_g36_5.16.14_mzvav_afdd.ttl', 'shacl_g36_5.18.13_szvav_afdd.ttl'].flatMap((file) =>
      [...readShapes(file).values()].flatMap((set) => [...set]),
    );
    expect([...new Set(names)].filter((name) => !isKnownClass(name))).toEqual([]);
  });
});
