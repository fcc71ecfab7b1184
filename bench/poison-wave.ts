/**
 * One wave of poison, as a process: a share of the pieces as payloads that are published, and the others as packets, all at
 * once; or of as much that is well formed. Started by bench/poison.ts with what is wanted as JSON; ends when all of it is sent and
 * answered.
 */
import mqttPacket from 'mqtt-packet';
import { createPoison, type Poison } from '../tests/support/poison.ts';
import { type Door, publishAll, sendPackets } from '../tests/support/poison-clients.ts';

export type Wave = {
  readonly door: Door;
  readonly pieces: number;
  readonly seed: number;
  readonly name: string;
  readonly isWellFormed: boolean;
};

const payloadShare = 0.7;
const clients = 4;
const window = 100;

if (import.meta.main) await send(JSON.parse(process.argv[2] ?? '{}') as Wave);

async function send({ door, pieces, seed, name, isWellFormed }: Wave): Promise<void> {
  const create = isWellFormed ? createWellFormed : createPoison;
  const poison = create(seed);
  let messages = Math.floor(pieces * payloadShare);
  let packets = pieces - messages;
  const next = () => (messages-- > 0 ? { topic: poison.topic(), payload: poison.payload() } : undefined);
  const publishers = Array.from({ length: clients }, (_, n) =>
    publishAll(door, { clientId: `poison-${name}-${n}`, window, next }),
  );
  const attackers = Array.from({ length: clients }, async (_, n) => {
    const own = create(seed + 1 + n);
    for (let session = 0; packets > 0; session++)
      packets -= await sendPackets(door, own, `attack-${name}-${n}-${session}`);
  });
  await Promise.all([...publishers, ...attackers]);
}

/** The same number of pieces from the same number of connections, in which nothing is wrong. */
function createWellFormed(seed: number): Poison {
  const { below } = createPoison(seed);
  const password = Buffer.from('well-formed');
  let messageId = 0;
  const topic = () => `telemetry/north/wave-${below(100)}/p`;
  const payload = () => Buffer.from(JSON.stringify({ value: below(100), time: Date.now() * 1_000 + below(1_000) }));
  const packet = () => {
    messageId = (messageId % 65_535) + 1;
    return mqttPacket.generate({
      cmd: 'publish',
      topic: topic(),
      payload: payload(),
      qos: 1,
      messageId,
      dup: false,
      retain: false,
    });
  };
  const connect = () =>
    mqttPacket.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: `wave-${below(1_000_000)}`,
      clean: true,
      keepalive: 0,
      username: 'nobody',
      password,
    });
  return { below, topic, payload, packet, connect };
}
