/** Open insights as panels on the floor see them: retained messages of the broker, whoever opened them and whenever. */
import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import mqtt, { type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Floor, startFloor } from '../src/insights/floor.ts';
import { createLog } from '../src/platform/log.ts';
import { openPlant } from './support/behind-broker.ts';
import { password, startTestIngest, type TestIngest } from './support/ingest.ts';
import { account, isMosquittoMissing, needsMosquitto, startMosquitto } from './support/mosquitto.ts';
import { eventually } from './support/program.ts';

let ingest: TestIngest;
let floor: Floor;
const clients: MqttClient[] = [];

beforeEach(async () => {
  ingest = await startTestIngest();
  await ingest.addDevice('panel', [], ['insights/north/#']);
  floor = open();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  await floor.close();
  await ingest.close();
});

const open = () =>
  startFloor({ db: ingest.database.db, publish: ingest.publish, isKept: false, log: createLog('silent') });

type Shown = { id: string; rule: string; severity: string; status: string; work_order: { number: number } | null };

type Screen = {
  /** The list that was heard last of a topic; '' when it was cleared. */
  readonly topics: Map<string, string>;
  /** Waits until the insights of a topic are these, as `rule severity status`. */
  shows(topic: string, expected: string[]): Promise<Shown[]>;
};

async function watch(username: string, filter = 'insights/north/#', port = ingest.port): Promise<Screen> {
  const given = username === account.username ? account : { username, password };
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { ...given, clientId: randomUUID() });
  clients.push(client);
  const topics = new Map<string, string>();
  client.on('message', (topic, payload) => topics.set(topic, payload.toString()));
  const [granted] = await client.subscribeAsync(filter, { qos: 1 });
  if ((granted?.qos ?? 128) > 2) throw new Error('the subscription was refused');
  return {
    topics,
    shows: (topic, expected) =>
      eventually(`${topic}: ${expected} (${topics.get(topic)})`, async () => {
        const shown = JSON.parse(topics.get(topic) || '[]') as Shown[];
        const lines = shown.map(({ rule, severity, status }) => `${rule} ${severity} ${status}`);
        return topics.has(topic) && String(lines) === String(expected) ? shown : undefined;
      }),
  };
}

type Given = {
  asset?: string;
  rule?: string;
  severity?: string;
  status?: string;
  shadow?: boolean;
  withdrawn?: boolean;
};

/** An insight of an asset of the site `north`, which is made with it; returns its id. */
async function addInsight(
  given: Given,
  { database: { pool }, tenantId }: Pick<TestIngest, 'database' | 'tenantId'> = ingest,
): Promise<string> {
  const {
    asset = 'ahu-1',
    rule = 'leak',
    severity = 'warning',
    status = 'open',
    shadow = false,
    withdrawn = false,
  } = given;
  const id = randomUUID();
  await pool.query(
    `insert into asset (id, tenant_id, site_id, name, uri, shard) select $1, $2, id, $3, 'urn:' || $3, 7 from site
       where tenant_id = $2 and slug = 'north' on conflict do nothing`,
    [randomUUID(), tenantId, asset],
  );
  await pool.query(
    `insert into insight (id, tenant_id, site_id, asset_id, rule_id, rule_version, title, message, severity, category,
       status, shadow, withdrawn_at, started_at, opened_at)
     select $1, $2, site_id, id, $4, 1, 'A title', 'a message', $5, 'fault', $6, $7, $8, '2026-03-16T08:00Z', '2026-03-16T08:05Z'
     from asset where tenant_id = $2 and name = $3`,
    [id, tenantId, asset, rule, severity, status, shadow, withdrawn ? new Date() : null],
  );
  return id;
}

const change = (id: string, set: string) => ingest.database.pool.query(`update insight set ${set} where id = $1`, [id]);

describe('a panel that may hear the insights of a site', () => {
  test('sees what is open when it subscribes, and every change of it', async () => {
    const id = await addInsight({});
    const early = await watch('panel');
    await early.shows('insights/north/ahu-1', ['leak warning open']);
    const late = await watch('panel');
    const [shown] = await late.shows('insights/north/ahu-1', ['leak warning open']);
    expect(shown).toEqual({
      id,
      rule: 'leak',
      title: 'A title',
      severity: 'warning',
      status: 'open',
      opened_at: '2026-03-16T08:05:00Z',
      message: 'a message',
      work_order: null,
    });
    const second = await addInsight({ rule: 'stuck', severity: 'critical' });
    await early.shows('insights/north/ahu-1', ['stuck critical open', 'leak warning open']);
    await change(id, `severity = 'info'`);
    await ingest.database.pool.query(
      `insert into work_order (id, tenant_id, site_id, number, title, priority, type, insight_id)
       select $2, tenant_id, site_id, 17, 't', 'high', 'corrective', id from insight where id = $1`,
      [second, randomUUID()],
    );
    await change(second, `status = 'in_progress'`);
    const [first] = await early.shows('insights/north/ahu-1', ['stuck critical in_progress', 'leak info open']);
    expect(first?.work_order).toMatchObject({ number: 17, status: 'open' });
    await change(second, `status = 'resolved', resolved_at = now()`);
    await early.shows('insights/north/ahu-1', ['leak info open']);
    await change(id, `status = 'dismissed'`);
    await early.shows('insights/north/ahu-1', []);
    expect(early.topics.get('insights/north/ahu-1')).toBe('');
    const after = await watch('panel');
    await addInsight({ asset: 'ahu-2' });
    await after.shows('insights/north/ahu-2', ['leak warning open']);
    expect([...after.topics.keys()]).toEqual(['insights/north/ahu-2']);
  });

  test.each([
    ['a rule on trial', { shadow: true }],
    ['one that was withdrawn', { status: 'resolved', withdrawn: true }],
    ['one that people have dismissed', { status: 'dismissed' }],
    ['one that has ended', { status: 'resolved' }],
  ])('hears nothing of an insight of %s', async (_what, given) => {
    await addInsight({ rule: 'hidden', ...given });
    await addInsight({ asset: 'ahu-9' });
    const screen = await watch('panel');
    await screen.shows('insights/north/ahu-9', ['leak warning open']);
    expect([...screen.topics.keys()]).toEqual(['insights/north/ahu-9']);
  });

  test.each([
    ['AHU 1/2', 'insights/north/AHU 1%2F2'],
    ['50% #3+4', 'insights/north/50%25 %233%2B4'],
    ['Lüfter', 'insights/north/Lüfter'],
  ])('finds the asset %s under %s', async (asset, topic) => {
    await addInsight({ asset });
    await (await watch('panel')).shows(topic, ['leak warning open']);
  });

  test('finds everything again when the program has started again', async () => {
    await addInsight({});
    const screen = await watch('panel');
    await screen.shows('insights/north/ahu-1', ['leak warning open']);
    await floor.close();
    screen.topics.clear();
    floor = open();
    await screen.shows('insights/north/ahu-1', ['leak warning open']);
  });

  test.skipIf(isMosquittoMissing)(`may be mosquitto_sub${needsMosquitto}`, async () => {
    await addInsight({});
    await (await watch('panel')).shows('insights/north/ahu-1', ['leak warning open']);
    const login = ['-p', String(ingest.port), '-u', 'panel', '-P', password];
    const { stdout } = await promisify(execFile)('mosquitto_sub', [
      ...login,
      '-t',
      'insights/north/+',
      '-C',
      '1',
      '-W',
      '10',
      '-F',
      '%t %r %p',
    ]);
    const [topic, retained, ...list] = stdout.trim().split(' ');
    expect([topic, retained]).toEqual(['insights/north/ahu-1', '1']);
    expect(JSON.parse(list.join(' '))).toMatchObject([{ rule: 'leak' }]);
  });
});

describe('nobody else hears of insights', () => {
  test('not a device without the grant', async () => {
    await ingest.addDevice('sensor', ['telemetry/north/#'], ['insights/south/#']);
    await expect(watch('sensor')).rejects.toThrow();
  });

  test('not a panel of another tenant that may hear the same topics', async () => {
    const another = await ingest.addTenant();
    await ingest.addDevice('stranger', [], ['insights/#'], another);
    const stranger = await watch('stranger', 'insights/#');
    await addInsight({});
    await (await watch('panel')).shows('insights/north/ahu-1', ['leak warning open']);
    expect(stranger.topics.size).toBe(0);
    expect((await watch('stranger', 'insights/#')).topics.size).toBe(0);
    // Nor where that tenant has a site and an asset of the same names.
    await ingest.database.pool.query(
      `insert into site (id, tenant_id, slug, name, discovery, time_zone, shard) values ($1, $2, 'north', 'north', false, 'UTC', 7)`,
      [randomUUID(), another],
    );
    await addInsight({ rule: 'theirs' }, { ...ingest, tenantId: another });
    await stranger.shows('insights/north/ahu-1', ['theirs warning open']);
    await (await watch('panel')).shows('insights/north/ahu-1', ['leak warning open']);
  });
});

describe.skipIf(isMosquittoMissing)(`at an external broker${needsMosquitto}`, () => {
  test('what has ended while nobody published is cleared, and a broker that has forgotten is told again', async () => {
    const broker = await startMosquitto(() => ['retain_available true']);
    const plant = await openPlant();
    try {
      const left = JSON.stringify([{ rule: 'leak', severity: 'warning', status: 'open' }]);
      const publisher = await broker.connect();
      clients.push(publisher);
      await publisher.publishAsync('insights/north/ahu-1', left, { qos: 1, retain: true });
      await addInsight({ asset: 'ahu-1', status: 'resolved' }, plant);
      await addInsight({ asset: 'ahu-2' }, plant);
      const member = await plant.join({ url: broker.url() });
      const outside = startFloor({
        db: plant.database.db,
        publish: member.publish,
        isKept: true,
        log: createLog('silent'),
      });
      member.onUp(outside.republish);
      const screen = await watch(account.username, 'insights/#', broker.port);
      await screen.shows('insights/north/ahu-1', []);
      await screen.shows('insights/north/ahu-2', ['leak warning open']);
      await broker.stop('SIGKILL');
      execFileSync('rm', ['-f', `${broker.folder}/mosquitto.db`]);
      screen.topics.clear();
      await broker.start();
      await screen.shows('insights/north/ahu-2', ['leak warning open']);
      await outside.close();
    } finally {
      for (const client of clients.splice(0)) await client.endAsync(true);
      await plant.close();
      await broker.remove();
    }
  });
});
