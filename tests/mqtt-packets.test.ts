/** Each packet of MQTT 3.1.1 over a raw socket, well formed and malformed: what comes back, to the byte. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestIngest, type TestIngest } from './support/ingest.ts';
import { connectPacket } from './support/mqtt-client.ts';
import { connectCases, connectedCases, type PacketCase, toBytes } from './support/mqtt-packets.ts';
import { openBytes, type RawBytes } from './support/raw-bytes.ts';

let ingest: TestIngest;
let connections = 0;

beforeAll(async () => {
  ingest = await startTestIngest();
  await ingest.addDevice('packets', ['#'], ['#']);
});
afterAll(() => ingest.close());

const pingreq = Buffer.from([0xc0, 0]);
const pingresp = Buffer.from([0xd0, 0]);

/** What comes back must be this and nothing else, and afterwards the connection must be what is expected of it. */
async function expectBack(client: RawBytes, { back, afterwards }: PacketCase): Promise<void> {
  const expected = toBytes(back);
  if (afterwards === 'closed') {
    await client.closed();
    expect(client.received().toString('hex')).toBe(expected.toString('hex'));
    return;
  }
  await client.until(expected.length);
  client.send(pingreq);
  await client.until(expected.length + pingresp.length);
  const answered = Buffer.concat([expected, pingresp]);
  expect(client.received().toString('hex')).toBe(answered.toString('hex'));
  client.end();
}

const withOwnId = (notation: string) => notation.replaceAll('"ID"', `"id-${++connections}"`);

describe('on a new connection', () => {
  test.each(connectCases.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    const client = await openBytes(ingest.port);
    client.send(toBytes(withOwnId(one.send)));
    await expectBack(client, one);
  });

  test.each(connectCases.filter(({ back }) => back !== '').map((one) => [one.name, one] as const))(
    '%s, byte by byte',
    async (_name, one) => {
      const client = await openBytes(ingest.port);
      for (const byte of toBytes(withOwnId(one.send))) {
        client.send(Buffer.from([byte]));
        await sleep(0);
      }
      await expectBack(client, one);
    },
  );
});

describe('once it is connected', () => {
  test.each(connectedCases.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    const client = await openBytes(ingest.port);
    client.sendPacket(connectPacket({ username: 'packets', clientId: `id-${++connections}` }));
    await client.until(4);
    client.forget();
    client.send(toBytes(withOwnId(one.send)));
    await expectBack(client, one);
  });
});
