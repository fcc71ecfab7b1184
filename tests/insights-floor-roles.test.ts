/** One process takes the readings and tells the floor, another evaluates the rules: the panel sees the fault come and go. */
import mqtt from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDevice } from '../src/access/device.ts';
import { type Faultline, startFaultline } from '../src/main.ts';
import { readConfig } from '../src/platform/config.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { connectGateway, type Gateway } from './support/gateway.ts';
import { credentials, type DataDir, eventually, makeDataDir } from './support/program.ts';

const log = createLog('silent');
let own: TestDatabase;
let database: Database;
let dataDir: DataDir;
let gateway: Gateway;
const processes: Faultline[] = [];

beforeEach(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 2, log });
  dataDir = await makeDataDir();
});
afterEach(async () => {
  await gateway?.close();
  for (const one of processes.splice(0)) await one.stop();
  await database.close();
  await dataDir.remove();
  await own.drop();
});

async function start(roles: string): Promise<Faultline> {
  const config = readConfig({
    DATABASE_URL: own.url,
    DATA_DIR: dataDir.path,
    RULES_DIR: 'tests/fixtures/rules',
    HTTP_PORT: '0',
    MQTT_PORT: '0',
    ROLES: roles,
    TIME_SCALE: '600',
    GRACE: '500ms',
    BOOTSTRAP_API_KEY: credentials.apiKey,
    BOOTSTRAP_MQTT_PASSWORD: credentials.password,
  });
  const one = await startFaultline(config, { log });
  processes.push(one);
  return one;
}

test('a panel at the process with the doors sees what the process with the rules has opened, with its work order, and its end', async () => {
  const doors = await start('ingest,api');
  await start('rules,jobs');
  const { rows } = await database.pool.query<{ id: string }>('select id from tenant');
  const password = 'a password for panels';
  const panel = { name: 'panel', username: 'panel', password, grants: [], subscribeGrants: ['insights/main/#'] };
  await createDevice(database.db, { tenantId: rows[0]?.id ?? '', ...panel });
  const url = doors.mqttUrls[0] ?? '';
  const screen = await mqtt.connectAsync(url, { username: 'panel', password, clientId: 'panel' });
  const shown: string[] = [];
  screen.on('message', (topic, payload) => shown.push(`${topic} ${payload}`));
  await screen.subscribeAsync('insights/main/#', { qos: 1 });
  gateway = await connectGateway({ mqttPort: Number(new URL(url).port) });

  const until = (value: number, what: RegExp) =>
    eventually(`${what} in ${shown}`, async () => {
      await gateway.publish('telemetry/main/pump-1/vibration', String(value));
      return shown.findLast((line) => what.test(line));
    });
  const opened = await until(9, /"status":"in_progress".*"work_order":{/);
  expect(JSON.parse(opened.slice(opened.indexOf('[')))).toMatchObject([
    {
      rule: 'too-high',
      title: 'Vibration above the limit',
      severity: 'critical',
      work_order: { number: 1, status: 'open' },
    },
  ]);
  await until(1, /^insights\/main\/pump-1 $/);
  await screen.endAsync(true);
});
