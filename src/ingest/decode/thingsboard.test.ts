import { expect, test } from 'vitest';
import { decodeDevice, decodeGateway } from './thingsboard.ts';

const receivedMs = Date.parse('2026-03-02T10:00:00Z');
const arrived = { receivedMs, timeZone: 'UTC' };
const ms = Date.parse('2026-03-01T12:00:00Z');
const lines = (samples: readonly { point: string; timeMs: number; value: unknown; quality: string }[]) =>
  samples.map(
    ({ point, timeMs, value, quality }) =>
      `${point}@${(timeMs - ms) / 1_000}=${value}${quality === 'good' ? '' : ` ${quality}`}`,
  );
const now = (receivedMs - ms) / 1_000;

test.each([
  ['{"temperature":21.5,"fan":true}', [`temperature@${now}=21.5`, `fan@${now}=1`]],
  [`{"ts":${ms},"values":{"temperature":21.5,"ts":4}}`, ['temperature@0=21.5', 'ts@0=4']],
  [`{"ts":"${ms}","values":{"temperature":"21.5"}}`, ['temperature@0=21.5']],
  [`[{"ts":${ms},"values":{"a":1}},{"ts":${ms + 1_000},"values":{"a":2}}]`, ['a@0=1', 'a@1=2']],
  ['[{"a":1},{"b":2}]', [`a@${now}=1`, `b@${now}=2`]],
  [`{"ts":${ms},"a":1}`, ['a@0=1']],
  ['{"a":null,"time":3,"quality":"good"}', [`a@${now}=null bad`, `time@${now}=3`, `quality@${now}=good`]],
])('a device says %s', (payload, expected) => {
  const { samples, rejections } = decodeDevice(Buffer.from(payload), arrived);
  expect(lines(samples)).toEqual(expected);
  expect(rejections).toEqual([]);
});

test.each(['', '[]', '{}', '21.5', 'null', '[[1]]', `{"ts":${ms},"values":{}}`])(
  'a device that says %s is refused',
  (payload) => {
    expect(decodeDevice(Buffer.from(payload), arrived)).toMatchObject({
      samples: [],
      rejections: [{ reason: 'malformed' }],
    });
  },
);

test('a gateway speaks for its devices, and what one of them says wrong stops none of the others', () => {
  const payload = {
    'Device A': [
      { ts: ms, values: { a: 1 } },
      { ts: ms + 1_000, values: { a: 2, b: {} } },
    ],
    'Device B': { b: 3 },
    'Device C': 7,
    ['__proto__']: [{ c: 4 }],
  };
  const { assets, rejections } = decodeGateway(Buffer.from(JSON.stringify(payload)), arrived);
  expect([...assets].map(([asset, samples]) => [asset, lines(samples)])).toEqual([
    ['Device A', ['a@0=1', 'a@1=2']],
    ['Device B', [`b@${now}=3`]],
    ['__proto__', [`c@${now}=4`]],
  ]);
  expect(rejections).toHaveLength(1);
  expect(rejections[0]?.detail).toMatch(/^Device A: b: .* \(and 1 more\)$/);
});

test.each([
  ['many devices', Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`d${i}`, { a: 1 }]))],
  ['many devices that say nothing', Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`d${i}`, 1]))],
  ['many readings of two', { a: Array(5_001).fill({ x: 1 }), b: Array(5_000).fill({ x: 1 }) }],
])('a gateway with %s is refused as a whole', (_name, payload) => {
  const { assets, rejections } = decodeGateway(Buffer.from(JSON.stringify(payload)), arrived);
  expect([assets.size, rejections.map(({ reason }) => reason)]).toEqual([0, ['too_many_readings']]);
});
