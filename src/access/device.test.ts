import { expect, test } from 'vitest';
import { isGranted } from './device.ts';

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
