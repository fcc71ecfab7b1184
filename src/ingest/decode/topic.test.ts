import { expect, test } from 'vitest';
import { createTopicReader } from './topic.ts';

test.each([
  ['telemetry/north/ahu-1/sat', 'point north ahu-1 sat'],
  ['telemetry/north/ahu-1', 'asset north ahu-1'],
  ['telemetry/north/ahu-1/$points', 'description north ahu-1'],
  ['telemetry/north/AHU 1/Supply Air: Temp', 'point north AHU 1 Supply Air: Temp'],
  ['v1/devices/me/telemetry', 'device'],
  ['v1/gateway/telemetry', 'gateway'],
  ['v1/devices/me/attributes', 'unknown_topic'],
  ['v1/devices/me/telemetry/', 'unknown_topic'],
  ['spBv1.0/plant/NDATA/edge', 'sparkplug'],
  ['spBv1.0/STATE/host', 'sparkplug'],
  ['opcua/0198c0de-0000-7000-8000-000000000001', 'opcua'],
  ['telemetry/north', 'unknown_topic'],
  ['telemetry/north/', 'unknown_topic'],
  ['telemetry//ahu-1/sat', 'unknown_topic'],
  ['telemetry/north/ahu-1/', 'unknown_topic'],
  ['telemetry/north/ahu-1/sat/more', 'unknown_topic'],
  ['/telemetry/north/ahu-1/sat', 'unknown_topic'],
  ['Telemetry/north/ahu-1/sat', 'unknown_topic'],
  ['telemetry/north/ahu\u0000/sat', 'unknown_topic'],
  [`telemetry/north/ahu-1/${'x'.repeat(129)}`, 'unknown_topic'],
  ['telemetry/north/ahu-1/\ud800', 'unknown_topic'],
  ['telemetry/north/+/sat', 'unknown_topic'],
  ['telemetry/north/ahu-1/#', 'unknown_topic'],
  [`telemetry/north${'/x'.repeat(30_000)}`, 'unknown_topic'],
])('%j is %s', (topic, expected) => {
  const readTopic = createTopicReader();
  const parsed = readTopic(topic);
  expect(readTopic(topic)).toEqual(parsed);
  const words = 'kind' in parsed ? Object.values(parsed) : [parsed.reason];
  expect(words.join(' ')).toBe(expected);
});
