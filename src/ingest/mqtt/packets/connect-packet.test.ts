import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { expect, test } from 'vitest';
import { readConnect } from './connect-packet.ts';

const text = (value: string | Buffer) => {
  const bytes = Buffer.from(value as string);
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
};
const packet = (...body: number[]) => Buffer.from([0x10, body.length, ...body]);
const head = (flags: number, level = 4, name = 'MQTT') => [...text(name), level, flags, 0, 10];

test('a CONNECT is read with all that it may hold', () => {
  const bytes = packet(...head(0xf6), ...text('ü'), ...text('will'), 0, 2, 0xff, 0, ...text('me'), ...text('secret'));
  expect(readConnect(bytes)).toEqual({
    connect: {
      clientId: 'ü',
      isClean: true,
      keepAliveMs: 10_000,
      will: { topic: 'will', payload: Buffer.from([0xff, 0]), qos: 2, retain: true },
      username: 'me',
      password: Buffer.from('secret'),
    },
  });
});

test('fields may be empty, and a user name may be without a password', () => {
  const found = readConnect(packet(...head(0x82), ...text(''), ...text('me')));
  expect(found).toMatchObject({ connect: { clientId: '', username: 'me', password: undefined, will: undefined } });
  const empty = readConnect(packet(...head(0xc2), ...text('a'), ...text(''), ...text('')));
  expect(empty).toMatchObject({ connect: { username: '', password: Buffer.alloc(0) } });
});

test.each([
  ['another protocol [MQTT-3.1.2-1]', packet(...head(2, 4, 'HTTP'), ...text('a'))],
  ['the reserved flag [MQTT-3.1.2-3]', packet(...head(3), ...text('a'))],
  ['a QoS of no will [MQTT-3.1.2-13]', packet(...head(0x0a), ...text('a'))],
  ['the retain flag of no will [MQTT-3.1.2-15]', packet(...head(0x22), ...text('a'))],
  ['a will of QoS 3 [MQTT-3.1.2-14]', packet(...head(0x1e), ...text('a'), ...text('t'), ...text('p'))],
  ['a password without a user name [MQTT-3.1.2-22]', packet(...head(0x42), ...text('a'), ...text('p'))],
  ['a client identifier with U+0000 [MQTT-1.5.3-2]', packet(...head(2), ...text('a\0b'))],
  ['a user name with U+0000 [MQTT-1.5.3-2]', packet(...head(0x82), ...text('a'), ...text('gate\0way'))],
  ['a surrogate [MQTT-1.5.3-1]', packet(...head(2), ...text(Buffer.from([0xed, 0xa0, 0x80])))],
  ['bytes that are no UTF-8 [MQTT-1.5.3-1]', packet(...head(2), ...text(Buffer.from([0xff])))],
  ['a will topic that is no UTF-8', packet(...head(6), ...text('a'), ...text(Buffer.from([0xc0, 0x80])), ...text('p'))],
  ['bytes behind the last field [MQTT-3.1.4-1]', packet(...head(2), ...text('a'), 0)],
  ['a client identifier that is cut off', packet(...head(2), 0, 5, 0x61)],
  ['no client identifier', packet(...head(2))],
  ['no flags', packet(...text('MQTT'), 4)],
  ['nothing', packet()],
])('%s: closed without an answer', (_name, bytes) => expect(readConnect(bytes)).toHaveProperty('malformed'));

test.each([
  ['MQTT 5', 5, 'MQTT'],
  ['MQTT 3.1 under the name of 3.1.1', 3, 'MQTT'],
  ['MQTT 3.1.1 under the name of 3.1', 4, 'MQIsdp'],
  ['a version to come', 9, 'MQTT'],
])('%s: return code 1, whatever follows [MQTT-3.1.2-2]', (_name, level, name) =>
  expect(readConnect(packet(...head(0xff, level, name)))).toEqual({ returnCode: 1, reason: 'protocol_version' }),
);

test.each([
  ['none, and the session kept [MQTT-3.1.3-8]', packet(...head(0), ...text('')), 2],
  ['none in MQTT 3.1', packet(...head(2, 3, 'MQIsdp'), ...text('')), 2],
  ['none, and the session not kept [MQTT-3.1.3-7]', packet(...head(2), ...text('')), undefined],
  ['one of MQTT 3.1', packet(...head(2, 3, 'MQIsdp'), ...text('a')), undefined],
  ["one of a bridge, which sets the level's highest bit", packet(...head(2, 0x84), ...text('a')), undefined],
])('a client identifier, %s', (_name, bytes, returnCode) => {
  const found = readConnect(bytes);
  expect('returnCode' in found ? found.returnCode : 'malformed' in found ? 'malformed' : undefined).toBe(returnCode);
});

test('what a client library writes is read as it was meant', () => {
  const string = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !value.includes('\0'));
  const will = fc.record({
    topic: string.filter((topic) => topic !== ''),
    payload: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
  });
  const wanted = fc.record({
    clientId: string.filter((id) => id !== ''),
    clean: fc.boolean(),
    keepalive: fc.integer({ min: 0, max: 65_535 }),
    username: string.filter((name) => name !== ''),
    password: fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    will: fc.option(will, { nil: undefined }),
  });
  fc.assert(
    fc.property(wanted, (connect) => {
      const bytes = mqttPacket.generate({ cmd: 'connect', protocolVersion: 4, ...connect } as never);
      const { clientId, clean: isClean, keepalive, username, password } = connect;
      const expected = { clientId, isClean, keepAliveMs: keepalive * 1_000, username, password, will: connect.will };
      expect(readConnect(bytes)).toEqual({ connect: expected });
    }),
  );
});

test('whatever comes is read or refused, and never more than it says', () => {
  const good = packet(...head(0xf6), ...text('ab'), ...text('will'), ...text('x'), ...text('me'), ...text('secret'));
  const mutated = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(mutated, fc.nat(good.length), (changes, cut) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      const found = readConnect(bytes.subarray(0, cut));
      expect(['connect', 'returnCode', 'malformed'].some((kind) => kind in found)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
