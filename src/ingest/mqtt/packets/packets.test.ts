import fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { publish, suback } from './answers.ts';
import { createPacketReader } from './packet-reader.ts';
import { type Qos, readPacket } from './packets.ts';

const qos = fc.constantFrom<Qos>(0, 1, 2);
const messageId = fc.integer({ min: 1, max: 65_535 });
const name = fc.stringMatching(/^[a-z€/]{1,12}$/);
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const publishes = fc.record({ topic: name, payload, qos, retain: fc.boolean(), messageId, isDuplicate: fc.boolean() });

/** Packets of clients as a library writes them. */
const packets: fc.Arbitrary<Buffer> = fc
  .oneof(
    fc.record({ cmd: fc.constant('publish'), topic: name, payload, qos, retain: fc.boolean(), messageId }),
    fc.record({ cmd: fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'), messageId }),
    fc.record({
      cmd: fc.constant('subscribe'),
      messageId,
      subscriptions: fc.array(fc.record({ topic: name, qos }), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({
      cmd: fc.constant('unsubscribe'),
      messageId,
      unsubscriptions: fc.array(name, { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ cmd: fc.constantFrom('pingreq', 'disconnect') }),
  )
  .map((packet) => mqttPacket.generate({ dup: false, ...packet } as Packet));

test('what a library has written is read as it was meant', () => {
  fc.assert(
    fc.property(publishes, (sent) => {
      const { isDuplicate, ...rest } = sent;
      const bytes = mqttPacket.generate({ cmd: 'publish', dup: isDuplicate && sent.qos > 0, ...rest });
      const { topic, retain } = sent;
      const expected = { type: 'publish', topic, retain, qos: sent.qos, payload: sent.payload };
      expect(readPacket(bytes)).toEqual({ ...expected, messageId: sent.qos > 0 ? sent.messageId : undefined });
    }),
  );
});

test('what the broker writes is read by a library as it was meant, at each length of a header', () => {
  const lengths = fc.constantFrom(0, 1, 110, 120, 130, 16_370, 16_380, 16_390, 70_000);
  fc.assert(
    fc.property(publishes, lengths, (sent, bytes) => {
      const message = { ...sent, isDuplicate: sent.isDuplicate && sent.qos > 0, payload: Buffer.alloc(bytes, 'x') };
      const [packet, ...more] = parse(publish(message));
      expect(more).toEqual([]);
      expect(packet).toMatchObject({
        cmd: 'publish',
        topic: message.topic,
        qos: message.qos,
        dup: message.isDuplicate,
        retain: message.retain,
        ...(message.qos > 0 && { messageId: message.messageId }),
      });
      expect((packet as { payload: Buffer }).payload.equals(message.payload)).toBe(true);
    }),
  );
});

test('a SUBACK for many filters has a header of its own length', () => {
  const granted = Array.from({ length: 300 }, (_, i) => [0, 1, 2, 0x80][i % 4] as number);
  expect(parse(suback(7, granted))).toMatchObject([{ cmd: 'suback', messageId: 7, granted }]);
});

function parse(bytes: Buffer): Packet[] {
  const found: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (packet) => found.push(packet));
  parser.parse(bytes);
  return found;
}

test('however a stream is cut, its packets are found', () => {
  fc.assert(
    fc.property(fc.array(packets, { maxLength: 10 }), fc.array(fc.integer({ min: 1, max: 40 })), (sent, cuts) => {
      const read = createPacketReader();
      const stream = Buffer.concat(sent);
      const found: Buffer[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? stream.length);
        found.push(...(read(stream.subarray(at, end)) ?? []));
        at = end;
      }
      expect(found).toEqual(sent);
    }),
    { numRuns: 500 },
  );
});

test('a packet with any bytes changed, added or cut off is read or refused, and nothing is read beyond its end', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
  fc.assert(
    fc.property(packets, changes, fc.integer({ min: -8, max: 8 }), (packet, changed, longer) => {
      const body = Buffer.alloc(Math.max(0, packet.length + longer - 2), 0x61);
      packet.copy(body, 0, 2);
      for (const [at, byte] of changed) if (body.length > 0) body[at % body.length] = byte;
      fc.pre(body.length < 128);
      const bytes = Buffer.concat([packet.subarray(0, 1), Buffer.from([body.length]), body]);
      const alone = readPacket(Buffer.from(bytes));
      const amongOthers = Buffer.concat([bytes, Buffer.alloc(300, 0x61)]).subarray(0, bytes.length);
      expect(readPacket(amongOthers)).toEqual(alone);
      expect(alone.type).toMatch(/^[a-z]+$/);
    }),
    { numRuns: 5_000 },
  );
});
