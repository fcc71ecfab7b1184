/** Writes that need a transaction and append readings beside it: many at once wait for each other, and never for ever. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi } from './support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** More than the database has connections. */
const atOnce = 14;

test('replays', async () => {
  const { tenantId, key } = await makeWorld(api.database);
  const ids = Array.from({ length: atOnce }, () => newId());
  const deviceId = newId();
  const device = { id: deviceId, tenant_id: tenantId, name: 'gateway', username: deviceId, password_argon2id: '-' };
  await api.database.db
    .insertInto('device')
    .values({ ...device, publish_grants: ['telemetry/#'] })
    .execute();
  const message = {
    tenant_id: tenantId,
    device_id: deviceId,
    reason: 'unknown_point',
    detail: '',
    topic: 'telemetry/x',
  };
  await api.database.db
    .insertInto('quarantine')
    .values(
      ids.map((id) => ({
        ...message,
        id,
        payload: Buffer.from('1'),
        payload_truncated: false,
        received_at: new Date(),
      })),
    )
    .execute();
  const answers = await Promise.all(ids.map((id) => api.call('POST', `/api/v1/quarantine/${id}/replay`, { key })));
  expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 200));
});

test('rows with an Idempotency-Key', async () => {
  const worlds = [await makeWorld(api.database), await makeWorld(api.database)];
  const answers = await Promise.all(
    Array.from({ length: atOnce }, (_, i) =>
      api.call('POST', '/api/v1/telemetry', {
        key: worlds[i % 2]?.key ?? '',
        body: [
          {
            site: 'ucl-east-campus',
            asset: 'AHU-01',
            point: 'sat',
            time: new Date(Date.UTC(2026, 0, i + 1)).toISOString(),
            value: 1,
          },
        ],
        headers: { 'idempotency-key': newId() },
      }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});
