import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isKnownClass } from '../brick-classes.ts';
import { type ImportModel, ModelError } from './building-model.ts';
import { listNarrowed } from './narrow-class.ts';
import { readModel } from './read-model.ts';

const prefixes = `
@prefix brick: <https://brickschema.org/schema/Brick#> .
@prefix unit: <http://qudt.org/vocab/unit/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix b: <http://example.com/building#> .
`;
const options = { site: null, siteName: null, timeZone: null, assumeUnits: null };
const read = (text: string): ImportModel => readModel({ text, format: 'brick', options });

test('every class that a point may become by where it is is one that rules know', () => {
  expect(listNarrowed().filter((name) => !isKnownClass(name))).toEqual([]);
});

describe('what is no model', () => {
  test('an error names the line', () => {
    const error = (() => {
      try {
        return read(`${prefixes}b:A a brick:AHU ;\n brick:hasPoint ]`);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).line).toBe(7);
  });

  test.each(['', '# nothing', 'hello', '{}', '<a> <b>', '@prefix', '\u0000', '<a> <b> "x'])(
    '%j is a ModelError',
    (text) => {
      expect(() => read(text)).toThrow(ModelError);
    },
  );

  test('whatever statements a model has, reading it ends with a model or a ModelError', () => {
    const node = fc.constantFrom('b:a', 'b:b', 'b:c', 'b:d', 'b:e');
    const predicate = fc.constantFrom(
      'brick:hasPart',
      'brick:isPartOf',
      'brick:feeds',
      'brick:isFedBy',
      'brick:hasPoint',
      'brick:hasLocation',
      'rdfs:subClassOf',
      'a',
    );
    const type = fc.constantFrom(
      'brick:AHU',
      'brick:VAV',
      'brick:HVAC_Zone',
      'brick:Room',
      'brick:Site',
      'brick:Sensor',
      'brick:Coil',
      'b:Own',
      'brick:Nonsense',
    );
    const statement = fc.oneof(fc.tuple(node, predicate, node), fc.tuple(node, fc.constant('a'), type));
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 30 }), (statements) => {
        const text = `${prefixes}${statements.map((words) => `${words.join(' ')} .`).join('\n')}`;
        try {
          const model = read(text);
          const ids = new Set(model.assets.map(({ externalId }) => externalId));
          expect(model.points.every(({ asset }) => ids.has(asset))).toBe(true);
          expect(model.relations.every(({ from, to }) => ids.has(from) && ids.has(to) && from !== to)).toBe(true);
          expect(new Set(model.points.map(({ externalId }) => externalId)).size).toBe(model.points.length);
        } catch (error) {
          if (!(error instanceof ModelError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
