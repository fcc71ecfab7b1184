import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGranted } from '../../access/device-grants.ts';
import { intersectFilters, planFilters } from './filters.ts';

describe('what is subscribed to', () => {
  test.each([
    [['telemetry/#'], ['telemetry/#', 'bms/+/+'], ['telemetry/#']],
    [['#'], ['telemetry/#', 'bms/+/+'], ['bms/+/+', 'telemetry/#']],
    [['telemetry/north/#', 'telemetry/north/ahu-1/#'], ['telemetry/#'], ['telemetry/north/#']],
    [['telemetry/+/ahu-1/#'], ['telemetry/#'], ['telemetry/+/ahu-1/#']],
    [['+/north/#'], ['telemetry/#', 'bms/+/+'], ['bms/north/+', 'telemetry/north/#']],
    [['telemetry/north/ahu-1/sat'], ['telemetry/#'], ['telemetry/north/ahu-1/sat']],
    [['other/#'], ['telemetry/#'], []],
    [[], ['telemetry/#'], []],
    [['$SYS/#', '#'], ['telemetry/#'], ['telemetry/#']],
  ])('of %j and %j is %j', (granted, understood, expected) => {
    expect(planFilters(granted, understood)).toEqual(expected);
  });

  const level = fc.constantFrom('a', 'b', '', '$x');
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
  const filter = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', '', '$x', '+'), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));

  test('is matched by a topic just when both filters match it', () => {
    fc.assert(
      fc.property(filter, filter, topic, (one, other, name) => {
        const common = intersectFilters(one, other);
        const isCommon = common !== undefined && isGranted([common], name);
        expect(isCommon).toBe(isGranted([one], name) && isGranted([other], name));
      }),
      { numRuns: 20_000 },
    );
  });
});
