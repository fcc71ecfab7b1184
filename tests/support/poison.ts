/**
 * What no device should send, made from what real ones do: payloads, topics and packets, cut, spliced, flipped and stuffed.
 * The same seed gives the same poison.
 */
import { gzipSync } from 'node:zlib';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { createRandom } from './random.ts';

export type Poison = {
  /** Any bytes at all, of which most were a payload once. */
  payload(): Buffer;
  /** A topic that MQTT allows, which may name anything or nothing. */
  topic(): string;
  /** A packet that follows a CONNECT, or what is left of one. */
  packet(): Buffer;
  /** A CONNECT, or what is left of one. */
  connect(): Buffer;
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
};

const at = '2026-03-01T12:00:00Z';
const payloads = [
  '21.5',
  'true',
  'ON',
  'NaN',
  '-Infinity',
  `{"value":21.5,"time":"${at}","quality":"good"}`,
  `[{"value":1,"time":"${at}"},{"value":2,"time":1772366401000}]`,
  `{"sat":13.2,"fan":true,"time":"${at}"}`,
  `{"time":1772366400,"values":{"sat":13.2,"rat":{"value":1,"quality":"bad"}}}`,
  '{"ts":1772366400000,"values":{"temperature":21.5,"open":false}}',
  '{"Device A":[{"ts":1772366400000,"values":{"a":1}}],"Device B":[{"b":2}]}',
  `{"v":13.2,"t":"${at}","q":192}`,
  `{"unit":"ahu-1","readings":[{"sensor":{"name":"sat"},"v":1},{"sensor":{"name":"rat"},"v":2}]}`,
  '{"class":"brick:AHU","params":{"min_oa":0.4},"points":{"SA-T":{"class":"brick:Supply_Air_Temperature_Sensor","unit":"degF"}}}',
].map((text) => Buffer.from(text));

/** A Sparkplug payload by hand: a timestamp, a metric with a name, an alias, a datatype and a double, and a sequence number. */
const sparkplug = Buffer.from(
  '0880d0dbc6ca3312170a0474656d70100118 80d0dbc6ca33200a690000000000803540 1800'.replaceAll(' ', ''),
  'hex',
);

const topics = [
  'telemetry/north/ahu-1/sat',
  'telemetry/quiet/ahu-1/sat',
  'telemetry/quiet/ahu-1',
  'telemetry/quiet/ahu-1/$points',
  'telemetry/nowhere/ahu-1/sat',
  'v1/devices/me/telemetry',
  'v1/gateway/telemetry',
  'bms/quiet/3/ahu-1/sat',
  'gw/quiet/up',
  'spBv1.0/plant/NBIRTH/edge-1',
  'spBv1.0/plant/NDATA/edge-1',
  'spBv1.0/plant/DDATA/edge-1/device-1',
  'spBv1.0/STATE/host',
];

const tokens = [
  ...['{', '}', '[', ']', '"', ':', ',', '\\', '\\u0000', '\\ud800', '"__proto__":', '"constructor":', 'null', 'NaN'],
  ...[
    '1e999',
    '-0',
    '9'.repeat(400),
    '0x1f',
    '1,5',
    '21.5 °C',
    '\ufeff',
    '\0',
    '\ufffd',
    '[[[['.repeat(50),
    '{"a":'.repeat(50),
  ],
  ...[
    '"time":',
    '"values":',
    '"value":',
    '"2026-13-41T25:61:61Z"',
    '"9999-12-31T23:59:59Z"',
    '1760000000123456789',
    'x'.repeat(300),
  ],
].map((text) => Buffer.from(text));
const bytes = [
  Buffer.from([0x1f, 0x8b, 8]),
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xc0, 0x80]),
];

/** Poison from a seed. */
export function createPoison(seed: number): Poison {
  const random = createRandom(seed);
  const below = (max: number) => Math.floor(random() * max);
  const pick = <T>(some: readonly T[]): T => some[below(some.length)] as T;
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));

  const mutate = (given: Buffer): Buffer => {
    const from = below(given.length + 1);
    const to = Math.min(given.length, from + below(16));
    switch (below(7)) {
      case 0: {
        const flipped = Buffer.from(given);
        if (from < flipped.length) flipped[from] = (flipped[from] ?? 0) ^ (1 << below(8));
        return flipped;
      }
      case 1:
        return given.subarray(0, from);
      case 2:
        return Buffer.concat([given.subarray(0, from), given.subarray(to)]);
      case 3:
        return Buffer.concat([given.subarray(0, to), given.subarray(from)]);
      case 4:
        return Buffer.concat([given.subarray(0, from), pick(pick([tokens, tokens, bytes])), given.subarray(from)]);
      case 5:
        return Buffer.concat([given.subarray(0, from), noise(below(8)), given.subarray(to)]);
      default:
        return Buffer.concat([given.subarray(0, from), pick(payloads).subarray(below(10))]);
    }
  };
  const mutated = (given: Buffer, timesMax: number): Buffer => {
    let result = given;
    for (let times = below(timesMax + 1); times > 0; times--) result = mutate(result);
    return result;
  };
  const payload = (): Buffer => {
    const kind = below(100);
    if (kind < 4) return noise(below(200));
    if (kind < 10) return mutated(gzipSync(mutated(pick(payloads), 3)), 1);
    if (kind < 25) return mutated(sparkplug, 3);
    if (kind < 26)
      return Buffer.from(
        `[${Array(1_500)
          .fill(mutated(pick(payloads), 1))
          .join()}]`,
      );
    return mutated(pick(payloads), 4);
  };
  const topic = (): string => {
    const known = pick(topics);
    if (below(3) > 0) return known;
    const text = mutated(Buffer.from(known), 2)
      .toString('utf8')
      .replace(/[+#\0\ud800-\udfff]/g, '');
    return text === '' ? '/' : text.slice(0, 2_000);
  };

  let messageId = 0;
  const packet = (): Buffer => {
    messageId = (messageId % 65_535) + 1;
    return mutated(mqttPacket.generate(realPacket()), 2);
  };
  const realPacket = (): Packet => {
    const cmd = pick([
      'publish',
      'publish',
      'publish',
      'subscribe',
      'unsubscribe',
      'pingreq',
      'pubrel',
      'puback',
      'pubrec',
      'pubcomp',
      'connect',
      'disconnect',
    ]);
    const qos = pick([0, 1, 2]);
    switch (cmd) {
      case 'publish':
        return {
          cmd,
          topic: topic(),
          payload: payload(),
          qos,
          messageId,
          dup: qos > 0 && below(5) === 0,
          retain: below(10) === 0,
        } as Packet;
      case 'subscribe':
        return {
          cmd,
          messageId,
          subscriptions: [{ topic: pick(['devices/poison/#', '#', '+/+', topic()]), qos }],
        } as Packet;
      case 'unsubscribe':
        return { cmd, messageId, unsubscriptions: [topic()] } as Packet;
      case 'connect':
        return connectPacket();
      default:
        return { cmd, messageId } as Packet;
    }
  };
  const connectPacket = (): Packet =>
    ({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: `poison-${below(1_000_000)}`,
      clean: below(2) === 0,
      keepalive: below(100),
      username: 'poison',
      password: Buffer.from(pick(['wrong', ''])),
      ...(below(4) === 0 && { will: { topic: topic(), payload: payload(), qos: 1, retain: true } }),
    }) as Packet;
  return { payload, topic, packet, connect: () => mutated(mqttPacket.generate(connectPacket()), 3), below };
}
