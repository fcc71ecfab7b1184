import { describe, expect, test } from 'vitest';
import type { ImportModel } from './building-model.ts';
import { readModel } from './read-model.ts';

const prefixes = `
@prefix brick: <https://brickschema.org/schema/Brick#> .
@prefix unit: <http://qudt.org/vocab/unit/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix b: <http://example.com/building#> .
`;
const ofBrick10 = `
@prefix brick: <https://brickschema.org/schema/1.0.3/Brick#> .
@prefix bf: <https://brickschema.org/schema/1.0.3/BrickFrame#> .
@prefix b: <http://example.com/building#> .
`;

function read(text: string, more: { site?: string; assumeUnits?: 'si' | 'us' } = {}): ImportModel {
  const options = { site: more.site ?? null, siteName: null, timeZone: null, assumeUnits: more.assumeUnits ?? null };
  return readModel({ text, format: 'brick', options });
}

/** Each point as `asset/point: class of part in unit`. */
function pointsOf(model: ImportModel): string[] {
  const names = new Map(model.assets.map(({ externalId, name }) => [externalId, name]));
  return model.points
    .map((point) => {
      const part = point.partOf === null ? '' : ` of ${point.partOf.replace('brick:', '')}`;
      const unit = point.unit === null ? '' : ` in ${point.unit}`;
      return `${names.get(point.asset)}/${point.name}: ${point.class?.replace('brick:', '')}${part}${unit}`;
    })
    .sort();
}

const codesOf = (model: ImportModel) => model.findings.map(({ code }) => code);
const local = (id: string) => id.replace('http://example.com/building#', '');
const relationsOf = (model: ImportModel) =>
  model.relations.map(({ from, kind, to }) => `${local(from)} ${kind} ${local(to)}`).sort();

const ahu = [
  'AHU/cc: Valve_Position_Command of Cooling_Coil',
  'AHU/sat: Supply_Air_Temperature_Sensor',
  'VAV/zat: Zone_Air_Temperature_Sensor of HVAC_Zone',
];

describe('the same building in the words of each version', () => {
  test.each([
    [
      'Brick 1.4',
      `${prefixes}b:AHU a brick:AHU ; brick:hasPart b:coil ; brick:hasPoint b:sat ; brick:feeds b:VAV .
       b:coil a brick:Cooling_Coil ; brick:hasPoint b:cc . b:cc a brick:Valve_Position_Command . b:sat a brick:Supply_Air_Temperature_Sensor .
       b:VAV a brick:VAV ; brick:feeds b:zone . b:zone a brick:HVAC_Zone ; brick:hasPoint b:zat . b:zat a brick:Zone_Air_Temperature_Sensor .`,
    ],
    [
      'Brick 1.4 with inverse predicates',
      `${prefixes}b:AHU a brick:AHU . b:coil a brick:Cooling_Coil ; brick:isPartOf b:AHU . b:cc a brick:Valve_Position_Command ; brick:isPointOf b:coil .
       b:sat a brick:Supply_Air_Temperature_Sensor ; brick:isPointOf b:AHU . b:VAV a brick:VAV ; brick:isFedBy b:AHU . b:zone a brick:HVAC_Zone ; brick:isFedBy b:VAV .
       b:zat a brick:Zone_Air_Temperature_Sensor ; brick:isPointOf b:zone .`,
    ],
    [
      'Brick 1.0',
      `${ofBrick10}b:AHU a brick:AHU ; bf:hasPart b:coil ; bf:hasPoint b:sat ; bf:feeds b:VAV . b:coil a brick:Cooling_Coil ; bf:hasPoint b:cc .
       b:cc a brick:Cooling_Valve_Command . b:sat a brick:Supply_Air_Temperature_Sensor . b:VAV a brick:VAV ; bf:feeds b:zone .
       b:zone a brick:HVAC_Zone . b:zat a brick:Zone_Temperature_Sensor ; bf:isPointOf b:zone .`,
    ],
    [
      'a model with classes of its own',
      `${prefixes}b:Big_Unit rdfs:subClassOf brick:AHU . b:Huge_Unit rdfs:subClassOf b:Big_Unit . b:Oddity rdfs:subClassOf brick:Supply_Air_Temperature_Sensor .
       b:AHU a b:Huge_Unit ; brick:hasPart b:coil ; brick:hasPoint b:sat ; brick:feeds b:VAV . b:coil a brick:Cooling_Coil ; brick:hasPart b:valve .
       b:valve a brick:Chilled_Water_Valve ; brick:hasPoint b:cc . b:cc a brick:Position_Command . b:sat a b:Oddity .
       b:VAV a brick:VAV ; brick:feeds b:zone . b:zone a brick:HVAC_Zone ; brick:hasPart b:room . b:room a brick:Room ; brick:hasPoint b:zat .
       b:zat a brick:Air_Temperature_Sensor .`,
    ],
  ])('%s', (_, text) => {
    const model = read(text);
    expect(pointsOf(model)).toEqual(ahu);
    expect(relationsOf(model)).toContain('AHU feeds VAV');
    expect(codesOf(model).filter((code) => code !== 'unit_missing')).toEqual([]);
  });
});

describe('points', () => {
  test.each([
    ['unit:DEG_F', ' in DEG_F', "QUDT's IRI"],
    ['"degF"', ' in degF', 'a text'],
    ['[ brick:value "DEG_F" ]', ' in DEG_F', 'a node with a value'],
    ['[ ]', '', 'a node without one'],
  ])('have the unit %s, %s: %s', (unit, expected) => {
    const model = read(
      `${prefixes}b:A a brick:AHU ; brick:hasPoint b:p . b:p a brick:Mixed_Air_Temperature_Sensor ; brick:hasUnit ${unit} .`,
    );
    expect(pointsOf(model)).toEqual([`A/p: Mixed_Air_Temperature_Sensor${expected}`]);
  });

  test('without a unit get the usual one where the caller says which are usual, and are reported where not', () => {
    const text = `${prefixes}b:A a brick:AHU ; brick:hasPoint b:t, b:on . b:t a brick:Mixed_Air_Temperature_Sensor . b:on a brick:On_Off_Status .`;
    expect(codesOf(read(text))).toEqual(['unit_missing']);
    expect(pointsOf(read(text, { assumeUnits: 'us' }))).toEqual([
      'A/on: On_Off_Status',
      'A/t: Mixed_Air_Temperature_Sensor in degF',
    ]);
  });

  test.each([
    ['Supply_Fan', 'Fan_Status', 'Fan_On_Off_Status of Supply_Fan'],
    ['Supply_Fan', 'Speed_Setpoint', 'Fan_Speed_Command of Supply_Fan'],
    ['Economizer_Damper', 'Damper_Command', 'Damper_Position_Command of Economizer_Damper'],
    ['Cooling_Valve', 'Valve_Command', 'Valve_Position_Command of Cooling_Coil'],
    ['Hot_Water_Valve', 'Position_Sensor', 'Valve_Position_Sensor of Heating_Coil'],
    ['Variable_Frequency_Drive', 'Frequency_Sensor', 'Frequency_Sensor of Variable_Frequency_Drive'],
    ['Filter', 'Differential_Pressure_Sensor', 'Differential_Pressure_Sensor of Filter'],
    ['Heat_Wheel', 'Static_Pressure_Sensor', 'Supply_Air_Static_Pressure_Sensor of Heat_Wheel'],
  ])('of a %s that are a %s are a %s', (part, point, expected) => {
    const model = read(
      `${prefixes}b:A a brick:AHU ; brick:hasPart b:x . b:x a brick:${part} ; brick:hasPoint b:p . b:p a brick:${point} .`,
    );
    expect(pointsOf(model)).toEqual([`A/p: ${expected}`]);
  });

  test.each([
    ['Chiller', 'Chilled_Water_Supply_Temperature_Sensor', 'Leaving_Chilled_Water_Temperature_Sensor'],
    ['Boiler', 'Discharge_Water_Temperature_Sensor', 'Leaving_Hot_Water_Temperature_Sensor'],
    ['RVAV', 'Cooling_Temperature_Setpoint', 'Cooling_Zone_Air_Temperature_Setpoint'],
    ['Chilled_Water_Pump', 'Run_Status', 'Pump_On_Off_Status'],
    ['Meter', 'Power_Sensor', 'Power_Sensor'],
  ])('of a %s that are a %s are a %s', (unit, point, expected) => {
    const model = read(`${prefixes}b:A a brick:${unit} ; brick:hasPoint b:p . b:p a brick:${point} .`);
    expect(pointsOf(model)).toEqual([`A/p: ${expected}`]);
  });

  test('of a zone with two boxes belong to the zone, which is an asset for them', () => {
    const model = read(
      `${prefixes}b:V1 a brick:VAV ; brick:feeds b:z . b:V2 a brick:VAV ; brick:feeds b:z . b:z a brick:HVAC_Zone ; brick:hasPoint b:t . b:t a brick:CO2_Sensor .`,
    );
    expect(pointsOf(model)).toEqual(['z/t: CO2_Sensor']);
    expect(codesOf(model)).toContain('point_of_a_place');
  });

  test('of nothing are kept, and reported', () => {
    const model = read(`${prefixes}b:A a brick:AHU . b:t a brick:CO2_Sensor .`);
    expect(pointsOf(model)).toEqual(['unassigned/t: CO2_Sensor']);
    expect(model.assets.find(({ name }) => name === 'unassigned')?.class).toBeNull();
    expect(codesOf(model)).toContain('point_without_equipment');
  });

  test('of a unit and of its part are points of the part, and of two units are reported', () => {
    const model = read(
      `${prefixes}b:A a brick:AHU ; brick:hasPart b:f ; brick:hasPoint b:p . b:f a brick:Supply_Fan ; brick:hasPoint b:p, b:q . b:B a brick:AHU ; brick:hasPoint b:q .
       b:p a brick:Speed_Command . b:q a brick:Run_Status .`,
    );
    expect(pointsOf(model)).toContain('A/p: Fan_Speed_Command of Supply_Fan');
    expect(model.findings.find(({ code }) => code === 'point_of_several')?.count).toBe(1);
  });

  test('of an electrical meter say their phase as a part', () => {
    const model = read(
      `${prefixes}b:m a brick:Electrical_Meter ; brick:hasPoint b:i . b:i a brick:Current_Sensor ; brick:electricalPhases [ brick:value "B" ] .`,
    );
    expect(pointsOf(model)).toEqual(['m/i: Current_Sensor of faultline:Phase_B']);
  });

  test('with several types have the narrowest', () => {
    const model = read(
      `${prefixes}b:A a brick:AHU, brick:Equipment ; brick:hasPoint b:p . b:p a brick:Point, brick:Sensor, brick:Mixed_Air_Temperature_Sensor .`,
    );
    expect(pointsOf(model)).toEqual(['A/p: Mixed_Air_Temperature_Sensor']);
  });

  test('that are blank nodes have the same id every time', () => {
    const text = `${prefixes}b:A a brick:AHU ; brick:hasPoint [ a brick:CO2_Sensor ], [ a brick:CO2_Sensor ], [ a brick:On_Off_Status ] .`;
    const ids = () =>
      read(text)
        .points.map(({ externalId }) => local(externalId))
        .sort();
    expect(ids()).toEqual(['A/CO2_Sensor', 'A/CO2_Sensor-2', 'A/On_Off_Status']);
    expect(ids()).toEqual(ids());
  });

  test('are called by their label, their own name and the name of their series', () => {
    const [point] = read(
      `${prefixes}@prefix ref: <https://brickschema.org/schema/Brick/ref#> .
       b:A a brick:AHU ; brick:hasPoint b:A.sat . b:A.sat a brick:CO2_Sensor ; rdfs:label "CO2 of the return air" ;
       ref:hasExternalReference [ ref:hasTimeseriesId "series-7" ] .`,
    ).points;
    expect([point?.name, ...(point?.otherNames ?? [])]).toEqual(
      expect.arrayContaining(['CO2 of the return air', 'A.sat', 'series-7']),
    );
  });
});

describe('sites and places', () => {
  test('several sites are kept apart, and what belongs to none of them is reported', () => {
    const model = read(
      `${prefixes}b:S1 a brick:Site ; rdfs:label "North Campus" . b:H a brick:Building ; brick:isPartOf b:S1 . b:S2 a brick:Site .
       b:A a brick:AHU ; brick:hasLocation b:H . b:V a brick:VAV ; brick:isFedBy b:A . b:B a brick:AHU ; brick:hasLocation b:S2 . b:C a brick:AHU ; brick:hasPoint b:p . b:p a brick:CO2_Sensor .`,
    );
    expect(model.sites.map(({ slug }) => slug)).toEqual(['north-campus', 's2']);
    expect(model.assets.map(({ name, site }) => `${name} ${site}`)).toEqual([
      'A north-campus',
      'V north-campus',
      'B s2',
    ]);
    expect(model.points).toEqual([]);
    expect(codesOf(model)).toContain('without_site');
  });

  test('one site may be named for everything', () => {
    const model = read(`${prefixes}b:S1 a brick:Site . b:S2 a brick:Site . b:A a brick:AHU .`, { site: 'mine' });
    expect([model.sites.map(({ slug }) => slug), model.assets.map(({ site }) => site), model.locations.length]).toEqual(
      [['mine'], ['mine'], 2],
    );
  });

  test('a room lies on its floor, whatever zones it is in; RealEstateCore names places too', () => {
    const model = read(
      `${prefixes}@prefix rec: <https://w3id.org/rec#> .
       b:H a rec:Building ; rec:hasPart b:L . b:L a rec:Level . b:Z a brick:HVAC_Zone ; brick:hasPart b:R . b:R a rec:Office ; brick:isPartOf b:L .`,
    );
    const places = model.locations.map(
      ({ externalId, parent, class: name }) => `${local(externalId)} ${name} in ${parent && local(parent)}`,
    );
    expect(places).toEqual(
      expect.arrayContaining(['R brick:Office in L', 'L brick:Floor in H', 'H brick:Building in null']),
    );
  });
});

describe('relations', () => {
  test('what a coil feeds back to its plant is left out, and so is a circle', () => {
    const model = read(
      `${prefixes}b:P a brick:Chiller ; brick:feeds b:c . b:c a brick:Cooling_Coil ; brick:isPartOf b:A ; brick:feeds b:P . b:A a brick:AHU ; brick:feeds b:V .
       b:V a brick:VAV . b:X a brick:Pump ; brick:feeds b:Y . b:Y a brick:Pump ; brick:feeds b:X .`,
    );
    expect(relationsOf(model)).toEqual(['A feeds V', 'P feeds A', 'c isPartOf A']);
    expect(codesOf(model)).toEqual(expect.arrayContaining(['return_flow', 'circle_of_feeds']));
  });

  test('within one unit are none between assets', () => {
    const model = read(
      `${prefixes}b:A a brick:AHU ; brick:feeds b:c . b:c a brick:Cooling_Coil ; brick:isPartOf b:A ; brick:feeds b:f . b:f a brick:Supply_Fan ; brick:isPartOf b:A .`,
    );
    expect(relationsOf(model)).toEqual(['c isPartOf A', 'f isPartOf A']);
    expect(codesOf(model)).toEqual([]);
  });

  test('parts that contain each other end somewhere', () => {
    const model = read(
      `${prefixes}b:a a brick:Fan ; brick:isPartOf b:b . b:b a brick:Fan ; brick:isPartOf b:c . b:c a brick:Fan ; brick:isPartOf b:a ; brick:hasPoint b:p . b:p a brick:Run_Status .`,
    );
    expect(model.points.length).toBe(1);
    expect(relationsOf(model).length).toBe(2);
    expect(codesOf(model)).toContain('circle_of_parts');
  });

  test('with what is not described are reported', () => {
    const model = read(`${prefixes}b:A a brick:AHU ; brick:feeds b:nowhere ; brick:hasPoint "a text" .`);
    expect(codesOf(model)).toEqual(expect.arrayContaining(['dangling_reference', 'relation_to_text']));
  });
});
