/** Messages of Sparkplug B that nobody could read when they came, read again. */
import { expect, test } from 'vitest';
import { createDirectory } from '../src/ingest/decode/directory.ts';
import { createInterpret } from '../src/ingest/decode/interpret.ts';
import { createTenants } from '../src/ingest/decode/tenants.ts';
import type { Message } from '../src/ingest/intake/message.ts';
import { createSparkplugReplay } from '../src/ingest/sparkplug/sparkplug.ts';
import { data, deviceBirth, nodeBirth, useSparkplug } from './support/sparkplug-stage.ts';

const stage = useSparkplug();

test('a message in quarantine is understood once its points may be made, but for aliases of another birth', async () => {
  const { database } = stage.ingest();
  await stage.ingest().addSite('south', { discovery: false });
  const node = await stage.connected({ group: 'south' });
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DDATA', 'ahu-1', data(1, 1, [{ alias: 1, double: 99 }]));
  await node.send('DBIRTH', 'ahu-1', { ...deviceBirth, seq: 2 });
  await node.send('DDATA', 'ahu-1', data(3, 2, [{ alias: 1, double: 14 }]));
  expect(await stage.ingest().readings()).toEqual([]);
  await database.pool.query(`update site set discovery = true where slug = 'south'`);

  const names = { directory: createDirectory(database.db), tenants: createTenants(database.db) };
  const interpret = createInterpret({
    ...names,
    protocols: { sparkplug: createSparkplugReplay({ db: database.db, ...names }) },
  });
  const { arrivals, rejected } = await interpret(await kept());
  expect(arrivals.map(({ value }) => value)).toEqual([13.5, -2, 14]);
  expect(rejected.map(({ rejection }) => rejection.reason)).toEqual(['before_birth']);
});

/** What is in quarantine, as messages that come now. */
async function kept(): Promise<Message[]> {
  const { tenantId, database } = stage.ingest();
  const { rows } = await database.pool.query<{ id: string; topic: string; payload: Buffer; at: Date }>(
    'select device_id as id, topic, payload, received_at as at from quarantine order by received_at, id',
  );
  return rows.map(({ id, topic, payload, at }) => {
    const device = { id, tenantId, username: 'plc', grants: ['spBv1.0/#'], subscribeGrants: [] };
    const origin = { device, settle: () => undefined, flush: () => undefined };
    return { origin, topic, payload, receivedMs: at.getTime(), qos: 0, messageId: undefined, isRepeated: false };
  });
}
