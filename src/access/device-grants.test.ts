import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isCovered, isGranted, isTopicFilter } from './device-grants.ts';

test.each([
  ['telemetry/#', 'telemetry/north/ahu-1/sat', true],
  ['telemetry/#', 'telemetry', true],
  ['telemetry/#', 'telemetryx/north', false],
  ['telemetry/north/#', 'telemetry/south/ahu-1/sat', false],
  ['telemetry/north/#', 'telemetry/northwest/ahu-1', false],
  ['telemetry/+/ahu-1/#', 'telemetry/north/ahu-1/sat', true],
  ['telemetry/+/ahu-1/#', 'telemetry/north/ahu-1', true],
  ['telemetry/+/ahu-1/#', 'telemetry/north/ahu-2/sat', false],
  ['telemetry/+/+/sat', 'telemetry/north/ahu-1/sat', true],
  ['telemetry/+/+/sat', 'telemetry/north/ahu-1/rat', false],
  ['telemetry/+/+/sat', 'telemetry/north/ahu-1', false],
  ['telemetry/+', 'telemetry/north/ahu-1', false],
  ['telemetry/north/ahu-1/sat', 'telemetry/north/ahu-1/sat', true],
  ['telemetry/north/ahu-1/sat', 'telemetry/north/ahu-1/sat/x', false],
  ['#', 'anything/at/all', true],
  ['#', '$SYS/broker', false],
  ['+/broker', '$SYS/broker', false],
  ['$SYS/#', '$SYS/broker', true],
  ['a/#/b', 'a/x/b', false],
])('the grant %s on the topic %s: %s', (grant, topic, expected) => {
  expect(isGranted([grant], topic)).toBe(expected);
});

test('without a grant nothing is allowed', () => {
  expect(isGranted([], 'telemetry/north/ahu-1')).toBe(false);
});

test.each([
  ['a/#', 'a/#', true],
  ['a/#', 'a', true],
  ['a/#', 'a/+/b', true],
  ['a/#', 'a/b/#', true],
  ['a/#', '#', false],
  ['a/#', '+/b', false],
  ['a/+', 'a/+', true],
  ['a/+', 'a/b', true],
  ['a/+', 'a/#', false],
  ['a/+/c', 'a/b/+', false],
  ['a/b', 'a/+', false],
  ['a/b', 'a/b/#', false],
  ['a/+/#', 'a/#', false],
  ['#', '#', true],
  ['#', '+/x', true],
  ['#', '$SYS/#', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/broker/#', true],
  ['/a/#', 'a/#', false],
  ['/#', '/+', true],
])('the grant %s covers the filter %s: %s', (grant, filter, expected) => {
  expect(isCovered([grant], filter)).toBe(expected);
});

test.each([
  ['a/+/b', true],
  ['+', true],
  ['#', true],
  ['/', true],
  ['a//b', true],
  ['a/#', true],
  ['', false],
  ['a+', false],
  ['a/+b', false],
  ['a/#/b', false],
  ['a#', false],
  ['a\0b', false],
  ['x'.repeat(65_536), false],
])('%j is a topic filter: %s', (text, expected) => {
  expect(isTopicFilter(text)).toBe(expected);
});

test('a filter that is covered matches no topic that is not granted', () => {
  const level = fc.constantFrom('a', 'b', '', '$s');
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
  fc.assert(
    fc.property(fc.array(filter, { maxLength: 3 }), filter, topic, (grants, wanted, published) => {
      fc.pre(isCovered(grants, wanted) && isGranted([wanted], published));
      expect(isGranted(grants, published)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
