/** Every message and every reading that comes in ends in exactly one counter, whatever happens to it on the way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockReadings } from './support/lock-readings.ts';
import { publishPacket, type RawClient } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';
import { refuseReadings, unstorable } from './support/refuse-readings.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'faultline-counts-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

// Made after the folder, and gone before it.
const door = useIngest(undefined, () => ({ spool: { directory, bytesMax: 1_000_000 } }));
const patience = { timeout: 60_000, interval: 20 };

test('over a mixed load with failures the counters add up', async () => {
  const { count, database } = door.ingest();
  await refuseReadings(database.pool);
  const client = await door.connected({ clientId: 'mixed' });
  const load = createLoad(client);

  load.send(1, 20, (n) => reading(n));
  load.send(1, 5, (n) => reading(n)); // The same five again: duplicates.
  load.send(1, 3, (n) => reading(n, n + 1_000)); // The same times with other values: conflicts.
  load.send(2, 10, (n) => reading(100 + n));
  load.send(1, 4, () => '{"value":');
  load.send(1, 2, () => '1', 'telemetry/elsewhere/a/p');
  load.send(1, 2, (n) => reading(200 + n, unstorable));
  load.send(0, 15, (n) => reading(300 + n));
  await load.answered();
  await expect.poll(() => count('messages_completed'), patience).toBe(61);

  {
    await using _lock = await lockReadings(database.pool);
    load.send(1, 10, (n) => reading(400 + n));
    await expect.poll(() => count('messages_received'), patience).toBe(71);
    // So much that the spool is full before its end.
    load.send(0, 3_000, (n) => `${reading(1_000 + n)}${' '.repeat(500)}`);
    const isTold = async () => (await count('messages_spooled')) + (await count('messages_dropped'));
    await expect.poll(isTold, patience).toBe(3_000);
  }
  await load.answered();
  const dropped = await count('messages_dropped');
  expect(dropped).toBeGreaterThan(0);
  expect(dropped).toBeLessThan(3_000);
  await expect.poll(() => count('messages_completed'), patience).toBe(3_071 - dropped);

  expect(await count('messages_received')).toBe(3_071);
  expect(await count('messages_acknowledged')).toBe(load.sent(1) + load.sent(2));
  expect(await count('messages_abandoned')).toBe(0);
  // One reading a message: 4 are no JSON, 2 lie elsewhere, 2 are refused by the database.
  const readings = await Promise.all(['committed', 'duplicate', 'conflict'].map((name) => count(`readings_${name}`)));
  const quarantined = await count('messages_quarantined');
  expect([...readings, quarantined]).toEqual([20 + 10 + 15 + 10 + 3_000 - dropped, 5, 3, 8]);
  for (const [reason, times] of [
    ['malformed', 4],
    ['not_granted', 2],
    ['not_storable', 2],
  ] as const) {
    expect([reason, await count('messages_quarantined', reason)]).toEqual([reason, times]);
  }
  expect(await door.ingest().readings()).toHaveLength(readings[0] as number);
});

function reading(n: number, value = n): string {
  return JSON.stringify({ value, time: 1_767_225_600 + n });
}

/** Messages of one client, each of which must be answered as its quality of service asks for. */
function createLoad(client: RawClient) {
  const sent = [0, 0, 0];
  let nextId = 1;
  let open = 0;
  return {
    sent: (qos: 0 | 1 | 2) => sent[qos] as number,
    send: (qos: 0 | 1 | 2, times: number, payloadOf: (n: number) => string, topic = 'telemetry/north/a/p') => {
      const packets = Array.from({ length: times }, (_, n) =>
        publishPacket(topic, payloadOf(n), qos === 0 ? undefined : nextId++, qos),
      );
      client.send(...packets);
      sent[qos] = (sent[qos] as number) + times;
      if (qos > 0) open += times;
    },
    answered: async () => {
      for (; open > 0; open--) expect(['puback', 'pubrec']).toContain((await client.next(20_000)).cmd);
    },
  };
}
