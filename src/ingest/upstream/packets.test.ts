import fc from 'fast-check';
import mqttPacket, { type IPublishPacket } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { createPacketReader, type Delivery, type OtherPacket } from './packets.ts';

const publishOf = (packet: Partial<IPublishPacket>): IPublishPacket => ({
  cmd: 'publish',
  topic: 'a/b',
  payload: Buffer.from('1'),
  qos: 0,
  dup: false,
  retain: false,
  ...packet,
});

/** All that a reader finds in bytes that come in pieces of these sizes, the last size over and over. */
function readAll(bytes: Buffer, sizes: number[], isVersion5: boolean): (Delivery | OtherPacket)[] {
  const read = createPacketReader(isVersion5);
  const found: (Delivery | OtherPacket)[] = [];
  let size = 1;
  for (let at = 0; at < bytes.length; at += size) {
    size = sizes.shift() ?? size;
    found.push(...read(bytes.subarray(at, at + size)));
  }
  return found;
}

describe('the reader of what a broker sends', () => {
  const packet = fc.record({
    topic: fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !/[#+\0]/.test(text)),
    payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    // The length of properties takes one, two or three bytes.
    userProperty: fc.constantFrom(0, 1, 100, 130, 20_000).map((length) => 'x'.repeat(length)),
  });

  test.each([4, 5] as const)('finds every packet of version %i, however its bytes come', (version) => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 500 })), (packets, sizes) => {
        const bytes = packets.flatMap(({ userProperty, ...given }) => [
          mqttPacket.generate(
            publishOf({
              ...given,
              qos: given.qos as 0 | 1 | 2,
              properties: { userProperties: { note: userProperty } },
            }),
            { protocolVersion: version },
          ),
          mqttPacket.generate({ cmd: 'pingresp' }),
        ]);
        const found = readAll(Buffer.concat(bytes), [...sizes, 1_000], version === 5);
        const expected = packets.flatMap(({ topic, payload, qos, retain, messageId }) => [
          { kind: 'publish', topic, payload, qos, isRetained: retain, messageId: qos === 0 ? undefined : messageId },
          { kind: 'other', bytes: Buffer.from([0xd0, 0]) },
        ]);
        expect(found).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('of a message that is too large it keeps the beginning, and finds what follows', () => {
    const large = publishOf({ qos: 1, messageId: 7, payload: Buffer.alloc(5_000_000, 'x') });
    const bytes = Buffer.concat([mqttPacket.generate(large), mqttPacket.generate(publishOf({ topic: 'next' }))]);
    for (const size of [bytes.length, 65_536, 100_003]) {
      const [first, second] = readAll(bytes, [size], false) as [Delivery, Delivery];
      expect(first).toMatchObject({ topic: 'a/b', messageId: 7, tooLargeBytes: 5_000_012 });
      expect(first.payload.length).toBeGreaterThanOrEqual(65_536);
      expect(first.payload.length).toBeLessThan(200_000);
      expect(second).toMatchObject({ topic: 'next', payload: Buffer.from('1') });
    }
  });

  test.each([
    ['a remaining length without an end', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['quality of service 3', [0x36, 5, 0, 1, 0x61, 0, 1]],
    ['a topic longer than the packet', [0x30, 4, 0, 9, 0x61, 0x62]],
    ['no topic', [0x30, 3, 0, 0, 0x31]],
    ['no room for a topic', [0x30, 1, 0]],
    ['no identifier', [0x32, 3, 0, 1, 0x61]],
    ['a control packet of a megabyte', [0x90, 0x81, 0x80, 0x40]],
  ])('refuses %s', (_what, bytes) => {
    expect(() => createPacketReader(false)(Buffer.from(bytes))).toThrow(
      expect.objectContaining({ name: 'MalformedPacket' }),
    );
  });
});
