/**
 * One wave of poison, as a process: a share of the pieces as payloads that are published, and the others as packets, all at
 * once. Started by bench/poison.ts with what is wanted as JSON; ends when all of it is sent and answered.
 */
import { createPoison } from '../tests/support/poison.ts';
import { type Door, publishAll, sendPackets } from '../tests/support/poison-clients.ts';

export type Wave = { readonly door: Door; readonly pieces: number; readonly seed: number; readonly name: string };

const payloadShare = 0.7;
const clients = 4;
const window = 100;

if (import.meta.main) await send(JSON.parse(process.argv[2] ?? '{}') as Wave);

async function send({ door, pieces, seed, name }: Wave): Promise<void> {
  const poison = createPoison(seed);
  let messages = Math.floor(pieces * payloadShare);
  let packets = pieces - messages;
  const next = () => (messages-- > 0 ? { topic: poison.topic(), payload: poison.payload() } : undefined);
  const publishers = Array.from({ length: clients }, (_, n) =>
    publishAll(door, { clientId: `poison-${name}-${n}`, window, next }),
  );
  const attackers = Array.from({ length: clients }, async (_, n) => {
    const own = createPoison(seed + 1 + n);
    for (let session = 0; packets > 0; session++)
      packets -= await sendPackets(door, own, `attack-${name}-${n}-${session}`);
  });
  await Promise.all([...publishers, ...attackers]);
}
