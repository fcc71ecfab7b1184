/** A device's life, through the doors that people and devices use: from a one-time token to its revocation. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { connectPacket, openRaw, publishPacket, type RawClient } from './support/mqtt-client.ts';
import { credentials, type DataDir, eventually, makeDataDir, type Program, startProgram } from './support/program.ts';

let own: TestDatabase;
let dataDir: DataDir;
let program: Program;
beforeAll(async () => {
  own = await createTestDatabase();
  dataDir = await makeDataDir();
  const env = { DATABASE_URL: own.url, TICK: '1s', GRACE: '500ms' };
  program = await startProgram({ dataDir: dataDir.path, env });
});
afterAll(async () => {
  await program?.kill('SIGTERM');
  await dataDir?.remove();
  await own?.drop();
});

async function ask(method: string, path: string, body?: object, key: string | undefined = credentials.apiKey) {
  const response = await fetch(new URL(path, program.apiUrl), {
    method,
    headers: { ...(key && { authorization: `Bearer ${key}` }), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON came.
  return { status: response.status, data: (text === '' ? undefined : JSON.parse(text).data) as any };
}

async function connect(device: { username: string; password: string }): Promise<[RawClient, number | undefined]> {
  const client = await openRaw(program.mqttPort);
  client.send(connectPacket({ ...device, clientId: 'plc' }));
  const answer = await client.next();
  return [client, answer.cmd === 'connack' ? answer.returnCode : undefined];
}

const statusOf = async (id: string) => (await ask('GET', `/api/v1/devices/${id}/status`)).data;

test('a device comes with a token, connects, is seen, and is out at once when its password is changed or it is revoked', async () => {
  const token = await ask('POST', '/api/v1/device-tokens', {
    name: 'commissioning',
    site: 'main',
    publish_grants: ['telemetry/{site}/{external_id}/#'],
  });
  const exchange = { token: token.data.token, external_id: 'PLC-1' };
  const { status, data: device } = await ask('POST', '/api/v1/devices/provision', exchange, '');
  expect([status, device.mqtt_urls]).toEqual([201, [`mqtt://127.0.0.1:${program.mqttPort}`]]);
  expect((await ask('POST', '/api/v1/devices/provision', exchange, '')).status).toBe(409);
  expect(await statusOf(device.device_id)).toMatchObject({ online: false, connects: 0, last_seen_at: null });

  const [first, code] = await connect(device);
  expect(code).toBe(0);
  first.send(publishPacket('telemetry/main/PLC-1/temperature', '21.5', 1));
  expect(await first.next()).toMatchObject({ cmd: 'puback' });
  const online = await eventually('the device is online', async () => {
    const found = await statusOf(device.device_id);
    return found.online ? found : undefined;
  });
  expect(online).toMatchObject({ sessions: 1, client_id: 'plc', connects: 1, address: '127.0.0.1' });

  const rotated = await ask('POST', `/api/v1/devices/${device.device_id}/rotate-credentials`);
  await first.closed();
  expect((await connect(device))[1]).toBe(4);
  const [second, again] = await connect({ ...device, password: rotated.data.password });
  expect(again).toBe(0);

  expect((await ask('POST', `/api/v1/devices/${device.device_id}/revoke`)).status).toBe(200);
  await second.closed();
  expect((await connect({ ...device, password: rotated.data.password }))[1]).toBe(4);
  await eventually('the device is offline', async () => ((await statusOf(device.device_id)).online ? undefined : true));
  const events = await ask('GET', `/api/v1/devices/${device.device_id}/events`);
  expect(events.data.map(({ type, reason }: { type: string; reason: string }) => `${type} ${reason}`)).toEqual([
    'device.offline revoked',
    'device.online connected',
    'device.offline revoked',
    'device.online connected',
  ]);
});

test('a point that stops reporting raises data-missing on its asset, and it clears by itself', async () => {
  const [client] = await connect(credentials);
  client.send(publishPacket('telemetry/main/Pump-9/flow', '1', 1));
  expect(await client.next()).toMatchObject({ cmd: 'puback' });
  const point = (await ask('GET', '/api/v1/points?name=flow')).data[0];
  const changed = await ask('PATCH', `/api/v1/points/${point.id}`, { expected_interval_s: 1 });
  expect(changed.data.expected_interval_s).toBe(1);
  const insight = async () =>
    (await ask('GET', '/api/v1/insights')).data.find((one: { rule_id: string }) => one.rule_id === 'data-missing');
  const opened = await eventually('the point is missed', insight, 40_000);
  expect(opened).toMatchObject({ asset_id: point.asset_id, status: 'open' });
  let messageId = 1;
  await eventually(
    'the insight is resolved',
    async () => {
      client.send(publishPacket('telemetry/main/Pump-9/flow', '1', ++messageId));
      const { status } = (await ask('GET', `/api/v1/insights/${opened.id}`)).data;
      return status === 'resolved' ? true : undefined;
    },
    40_000,
  );
  client.end();
});
