import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { expect, test } from 'vitest';
import { createFrameScanner } from './frames.ts';

const bytesMax = 4_096;

type Kind = { readonly packet: Buffer; readonly answered?: 'ping' | number };

const publish = (payload: string): Kind => ({
  packet: mqttPacket.generate({ cmd: 'publish', qos: 1, messageId: 7, topic: 't', payload, dup: false, retain: false }),
});
const ping: Kind = { packet: mqttPacket.generate({ cmd: 'pingreq' }), answered: 'ping' };
const release = (messageId: number): Kind => ({
  packet: mqttPacket.generate({ cmd: 'pubrel', messageId }),
  answered: messageId,
});

const packets = fc.array(
  fc.oneof(
    // Remaining lengths of one and of two bytes, and bodies that look like pings.
    fc.constantFrom(
      publish(''),
      publish('\u00c0\u0000'),
      publish('x'.repeat(119)),
      publish('x'.repeat(130)),
      publish('y'.repeat(3_000)),
    ),
    fc.constant(ping),
    fc.integer({ min: 1, max: 65_535 }).map(release),
  ),
  { maxLength: 12 },
);

test('however a stream is cut, the broker gets what is its own, and pings and PUBRELs are found in order', () => {
  fc.assert(
    fc.property(packets, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }), (sent, cuts) => {
      const scan = createFrameScanner(bytesMax);
      const stream = Buffer.concat(sent.map(({ packet }) => packet));
      const forwarded: Buffer[] = [];
      const releases: number[] = [];
      let pings = 0;
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = Math.min(stream.length, at + (cuts[i % cuts.length] ?? 1));
        const found = scan(stream.subarray(at, end));
        if ('refused' in found) throw new Error(found.refused);
        forwarded.push(...found.forward);
        releases.push(...found.releases);
        pings += found.pings;
        at = end;
      }
      const broker = sent.filter(({ answered }) => answered === undefined).map(({ packet }) => packet);
      expect(Buffer.concat(forwarded).equals(Buffer.concat(broker))).toBe(true);
      expect(pings).toBe(sent.filter(({ answered }) => answered === 'ping').length);
      expect(releases).toEqual(sent.map(({ answered }) => answered).filter((answered) => typeof answered === 'number'));
    }),
    { numRuns: 500 },
  );
});

test('a packet longer than allowed is refused as soon as its header is there', () => {
  expect(createFrameScanner(bytesMax)(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]))).toEqual({
    refused: 'packet_too_large',
  });
});

test('a remaining length of more than four bytes is malformed', () => {
  expect(createFrameScanner(bytesMax)(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]))).toEqual({
    refused: 'malformed',
  });
});

test.each([
  ['a second CONNECT', 0x10],
  ['CONNACK', 0x20],
  ['SUBACK', 0x90],
  ['UNSUBACK', 0xb0],
  ['PINGRESP', 0xd0],
  ['the reserved type 0', 0x00],
  ['the reserved type 15', 0xf0],
])('%s is refused at its first byte', (_name, byte) => {
  expect(createFrameScanner(bytesMax)(Buffer.from([byte]))).toEqual({ refused: 'protocol_violation' });
});

test.each([
  ['a ping with flags that it must not have', [0xc1, 0]],
  ['a ping with a body', [0xc0, 1, 0]],
  ['a PUBREL without its flags', [0x60, 2, 0, 1]],
  ['a PUBREL without an identifier', [0x62, 0]],
])('%s is left to the broker, which refuses it', (_name, bytes) => {
  const found = createFrameScanner(bytesMax)(Buffer.from(bytes));
  expect(found).toEqual({ forward: [Buffer.from(bytes)], pings: 0, releases: [] });
});
