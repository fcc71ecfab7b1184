import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { bind, bindAll } from './bind.ts';

const ruleOf = (id: string, inputs: string) => ({
  file: `${id}.yaml`,
  text: `
rule: ${id}
version: 1
title: ${id}
applies_to: { class: brick:AHU }
inputs: { t: ${inputs} }
when: t > 20.0
severity: info
category: fault
message: "warm"
`,
});
const { rules, errors } = buildRuleSet([
  ruleOf('own', '{ class: brick:Supply_Air_Temperature_Sensor, unit: degC }'),
  ruleOf('optional', '{ class: brick:Return_Air_Temperature_Sensor, unit: degC, optional: true, default: 3 }'),
  ruleOf('named', '{ class: brick:Temperature_Sensor, unit: degC, named: "a*" }'),
  ruleOf('second', '{ class: brick:Temperature_Sensor, unit: degC, index: 2 }'),
  ruleOf('site', '{ class: brick:Outside_Air_Temperature_Sensor, unit: degC, from: [self, site] }'),
]);

const point = fc.record({
  class: fc.constantFrom(
    'brick:Supply_Air_Temperature_Sensor',
    'brick:Return_Air_Temperature_Sensor',
    'brick:Outside_Air_Temperature_Sensor',
    null,
  ),
  of: fc.constantFrom('brick:Supply_Fan', null),
  unit: fc.constantFrom('degC', 'degF', 'kPa', null),
});
const shape = fc.tuple(fc.constantFrom('brick:AHU', 'brick:AHU', 'brick:Pump'), fc.array(point, { maxLength: 3 }));
const names = fc.shuffledSubarray(['a1', 'a2', 'b1'], { minLength: 3 });
/** Two shapes, and assets of either whose points go by different names. */
const plant = fc
  .tuple(shape, shape, fc.array(fc.tuple(fc.boolean(), names), { maxLength: 6 }))
  .map(([one, other, assets]) =>
    assets.map(([isOne, own], place) => {
      const [className, points] = isOne ? one : other;
      return {
        asset: { id: `asset-${place}`, name: `asset ${place}`, class: className, siteTimeZone: 'UTC' },
        points: points.map((each, index) => ({ ...each, id: `${place}/${index}`, name: own[index] ?? '' })),
      };
    }),
  );

test('assets of one shape are bound as if each were the first of it', () => {
  expect(errors).toEqual([]);
  fc.assert(
    fc.property(plant, (assets) => {
      const alone = assets.map(({ asset }, place) => bindAll({ ...rules }, assets, [], new Set([asset.id]))[place]);
      expect(bindAll(rules, assets)).toEqual(alone);
      for (const { asset, points } of assets)
        expect(bind(rules, asset, points)).toEqual(bind({ ...rules }, asset, points));
    }),
  );
});
