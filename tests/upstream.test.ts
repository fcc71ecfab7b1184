/** The program as a client of an external broker: what it takes from it, and when it acknowledges. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { IClientPublishOptions, MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Member, openPlant, type Plant } from './support/behind-broker.ts';
import { createAuthority, makeTlsFolder } from './support/certificates.ts';
import { findLowPort } from './support/low-port.ts';
import { isMosquittoMissing, type Mosquitto, needsMosquitto, startMosquitto } from './support/mosquitto.ts';
import { eventually } from './support/program.ts';

let plant: Plant;
let broker: Mosquitto;
const devices: MqttClient[] = [];
const firstMs = Date.now() - 1_000_000;

beforeEach(async () => {
  plant = await openPlant();
});
afterEach(async () => {
  for (const device of devices.splice(0)) await device.endAsync(true);
  await plant.close();
  await broker?.remove();
});

async function deviceOf(of: Mosquitto): Promise<MqttClient> {
  const device = await of.connect({ clientId: `device-${devices.length}`, protocolVersion: 4 });
  devices.push(device);
  return device;
}

/**
 * Publishes the readings `from` to `to`, each with the number as its value and with its own time; ten at a time at QoS 2,
 * since mosquitto 2.0.11 loses some of a publisher that has more than twenty under way, whoever subscribes to them.
 */
async function publish(device: MqttClient, from: number, to: number, options: IClientPublishOptions = { qos: 1 }) {
  const atOnce = options.qos === 2 ? 10 : 2_000;
  for (let first = from; first <= to; first += atOnce) {
    const last = Math.min(to, first + atOnce - 1);
    const sent = numbers(first, last).map((n) => {
      const payload = JSON.stringify({ value: n, time: firstMs + n });
      return device.publishAsync(`telemetry/north/ahu-${(n - from) % 7}/sat`, payload, options);
    });
    await Promise.all(sent);
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function stored(count: number): Promise<number[]> {
  await eventually(`${count} readings`, async () => ((await plant.values()).length >= count ? true : undefined));
  return plant.values();
}

describe.skipIf(isMosquittoMissing)(`behind an external broker${needsMosquitto}`, () => {
  test.each([
    [undefined, 0],
    [undefined, 1],
    [undefined, 2],
    [5, 1],
    [4, 0],
    [4, 1],
    [4, 2],
  ] as const)('protocol version %s: what devices publish at QoS %i is stored once', async (version, qos) => {
    broker = await startMosquitto();
    const member = await plant.join({ url: broker.url(), version });
    await member.connected();
    const count = qos === 2 ? 100 : 500;
    await publish(await deviceOf(broker), 1, count, { qos });
    expect(await stored(count)).toEqual(numbers(1, count));
    expect(await member.count('messages_received_total')).toBe(count);
    expect(await member.count('messages_acknowledged_total')).toBe(qos === 0 ? 0 : count);
  });

  test.each([
    ['says so', (socket: Socket) => socket.end(Buffer.from([0x20, 2, 0, 1]))],
    ['hangs up', (socket: Socket) => socket.destroy()],
  ])('a broker that knows no MQTT 5 and %s is spoken to in 3.1.1', async (_what, refuse) => {
    broker = await startMosquitto();
    const front = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (first: Buffer) => {
        const version = first[first.indexOf('MQTT') + 4];
        if (version === 5) return void refuse(socket);
        const behind = connect(broker.port, '127.0.0.1');
        behind.write(first);
        socket.pipe(behind).pipe(socket);
        return undefined;
      });
    }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    const { port } = front.address() as AddressInfo;
    const member = await plant.join({ url: broker.url().replace(`:${broker.port}`, `:${port}`) });
    await member.connected();
    await publish(await deviceOf(broker), 1, 50);
    expect(await stored(50)).toEqual(numbers(1, 50));
    await member.close();
    front.close();
  });

  test('two processes share the load: each message goes to one, and the one that stays takes everything', async () => {
    broker = await startMosquitto();
    const [one, other] = [await plant.join({ url: broker.url() }), await plant.join({ url: broker.url(), version: 4 })];
    await Promise.all([one.connected(), other.connected()]);
    const device = await deviceOf(broker);
    await publish(device, 1, 1_000);
    expect(await stored(1_000)).toEqual(numbers(1, 1_000));
    const received = await Promise.all([one, other].map((member) => member.count('messages_received_total')));
    expect((received[0] as number) + (received[1] as number)).toBe(1_000);
    expect(Math.min(...received)).toBeGreaterThan(200);
  });

  test('what comes while nobody is there waits, and goes to whoever comes next, under any DATA_DIR', async () => {
    broker = await startMosquitto();
    const first = await plant.join({ url: broker.url() });
    await first.connected();
    await first.close();
    await publish(await deviceOf(broker), 1, 2_000);
    await plant.join({ url: broker.url() });
    expect(await stored(2_000)).toEqual(numbers(1, 2_000));
  });

  test('a broker that restarts is found again, and nothing is lost', async () => {
    broker = await startMosquitto();
    const member = await plant.join({ url: broker.url() });
    await member.connected();
    const device = await deviceOf(broker);
    await publish(device, 1, 100);
    await broker.stop();
    await eventually('not connected', async () => !(await member.isConnected()) || undefined);
    await broker.start();
    await eventually('the device is back', async () => device.connected || undefined);
    await publish(device, 101, 200);
    expect(await stored(200)).toEqual(numbers(1, 200));
    expect(member.logged).toContainEqual(
      expect.stringMatching(/^MQTT_URL: (the broker closed|(read|write) ECONNRESET|write EPIPE|connect ECONNREFUSED)/),
    );
  });

  test('a wrong password is named in the log, and tried again until it is right', async () => {
    broker = await startMosquitto();
    const member = await plant.join({ url: broker.url().replace('plant:', 'nobody:') });
    await eventually('refused twice', async () => {
      const refusals = member.logged.filter((line) => line.startsWith('MQTT_URL: the broker refused: not authorized'));
      return refusals.length >= 2 || undefined;
    });
    broker.addAccount('nobody');
    await broker.stop();
    await broker.start();
    await member.connected();
  });

  test('what was retained before has no time of its own and is no reading; what comes afterwards is', async () => {
    broker = await startMosquitto();
    const device = await deviceOf(broker);
    await device.publishAsync('telemetry/north/ahu-1/sat', '11', { qos: 1, retain: true });
    for (const version of [5, 4] as const) {
      const member = await plant.join({ url: broker.url(), version });
      await member.connected();
      await publish(device, version, version, { qos: 1, retain: true });
      await eventually(
        'acknowledged',
        async () => (await member.count('messages_acknowledged_total')) > 0 || undefined,
      );
      await member.close();
    }
    expect(await plant.values()).toEqual([4, 5]);
  });

  test('a message that is too large, and one that is no reading, go into quarantine and stop nothing', async () => {
    broker = await startMosquitto();
    const member = await plant.join({ url: broker.url() });
    await member.connected();
    const device = await deviceOf(broker);
    await publish(device, 1, 1);
    await device.publishAsync('telemetry/north/ahu-1/sat', Buffer.alloc(3_000_000, '7'), { qos: 1 });
    await device.publishAsync('telemetry/north/ahu-1/sat', 'warm', { qos: 1 });
    await device.publishAsync('telemetry/south/ahu-1/sat', '5', { qos: 1 });
    await publish(device, 2, 2);
    expect(await stored(2)).toEqual([1, 2]);
    const { rows } = await plant.database.pool.query<{ reason: string }>(
      'select reason from quarantine order by reason',
    );
    expect(rows.map(({ reason }) => reason)).toEqual(['too_large', 'unknown_site', 'unusable_value']);
    expect(await member.count('messages_acknowledged_total')).toBe(5);
  });

  test("topics of gateways and of the tenant's own templates are subscribed to as far as they are granted, also new ones", async () => {
    const { pool } = plant.database;
    await pool.query(`update device set publish_grants = '{telemetry/#,v1/#,bms/north/#}'`);
    broker = await startMosquitto();
    const member = await plant.join({ url: broker.url() });
    await member.connected();
    await pool.query(
      `insert into topic_template (id, tenant_id, name, pattern, shape, enabled, definition)
       values (gen_random_uuid(), $1, 'bms', 'bms/{site}/+/{asset}/{point}', 'bms/+/+/+/+', true, '{"site":null,"asset":null,"point":null,"format":"number","pointers":{}}')`,
      [plant.tenantId],
    );
    const device = await deviceOf(broker);
    await eventually('a reading by the template', async () => {
      await device.publishAsync('bms/north/floor-1/ahu-1/sat', '21.5', { qos: 1 });
      return (await plant.values()).length > 0 || undefined;
    });
    expect((await plant.values())[0]).toBe(21.5);
    // Nobody can tell whose `me` is, behind a broker that knows its devices.
    await device.publishAsync('v1/devices/me/telemetry', '{"sat": 23.5}', { qos: 1 });
    await device.publishAsync('v1/gateway/telemetry', '{"ahu-1": {"sat": 22.5}}', { qos: 1 });
    await eventually('a reading of a gateway', async () => (await plant.values()).includes(22.5) || undefined);
    expect(await plant.values()).not.toContain(23.5);
  });

  test('a subscription that is no longer wanted at the next start is given back, and nothing comes twice', async () => {
    const { pool } = plant.database;
    broker = await startMosquitto();
    const before = await plant.join({ url: broker.url() });
    await before.connected();
    await before.close();
    await pool.query(`update device set publish_grants = '{telemetry/north/#}'`);
    const after = await plant.join({ url: broker.url() });
    await after.connected();
    const device = await deviceOf(broker);
    await device.publishAsync('telemetry/south/ahu-1/sat', '1', { qos: 1 });
    await publish(device, 1, 50);
    expect(await stored(50)).toEqual(numbers(1, 50));
    expect(await after.count('messages_received_total')).toBe(50);
  });

  test('what the device may not publish is not subscribed to, and grants are followed while it runs', async () => {
    const { pool } = plant.database;
    await pool.query(`update device set publish_grants = '{telemetry/north/ahu-1/#}'`);
    broker = await startMosquitto();
    const member = await plant.join({ url: broker.url() });
    await member.connected();
    const device = await deviceOf(broker);
    await publish(device, 1, 3); // To ahu-0, ahu-1 and ahu-2.
    expect(await stored(1)).toEqual([2]);
    await pool.query(`update device set publish_grants = '{#}'`);
    await eventually('all of them', async () => {
      await publish(device, 4, 6);
      return (await plant.values()).length === 4 || undefined;
    });
    await pool.query(`update device set revoked_at = now()`);
    await eventually('gone', async () => !(await member.isConnected()) || undefined);
    expect(member.logged.at(-1)).toMatch(/MQTT_DEVICE: there is no device "outside"/);
    expect(await member.count('messages_quarantined_total')).toBe(0);
  });
});

describe.skipIf(isMosquittoMissing)(`to an external broker${needsMosquitto}`, () => {
  /** A listener besides the plain one; resolves with its URL. */
  async function startWith(scheme: string, lines: string[] = []): Promise<string> {
    const port = await findLowPort();
    const protocol = scheme.startsWith('ws') ? ['protocol websockets'] : [];
    broker = await startMosquitto(() => [`listener ${port} 127.0.0.1`, ...protocol, ...lines]);
    return broker.url(scheme).replace(`:${broker.port}`, `:${port}`);
  }

  async function takesReadings(member: Member): Promise<void> {
    await member.connected();
    await publish(await deviceOf(broker), 1, 20);
    expect(await stored(20)).toEqual(numbers(1, 20));
  }

  const refused = (member: Member, reason: RegExp) =>
    eventually('refused', async () => member.logged.find((line) => reason.test(line)));

  test('by WebSocket', async () => {
    await takesReadings(await plant.join({ url: await startWith('ws') }));
  });

  test.each(['mqtts', 'wss'])(
    'by %s, when who MQTT_URL_CA names has signed its certificate, and shows its own where it is asked for',
    async (scheme) => {
      const authority = await createAuthority();
      await using server = await makeTlsFolder({ ...(await authority.sign('broker')), ca: authority.cert });
      await using ours = await makeTlsFolder(await authority.sign('faultline', { usage: 'client' }));
      const { certificateFile, keyFile, clientCaFile: ca } = server;
      const files = [`certfile ${certificateFile}`, `keyfile ${keyFile}`, `cafile ${ca}`, 'require_certificate true'];
      const url = await startWith(scheme, files);
      const stranger = await plant.join({ url });
      await refused(stranger, /^MQTT_URL: (self-signed certificate|unable to)/);
      const nobody = await plant.join({ url, tls: { ca, cert: undefined, key: undefined } });
      await refused(nobody, /^MQTT_URL: /);
      expect(await nobody.isConnected()).toBe(false);
      const tls = { ca, cert: ours.certificateFile, key: ours.keyFile };
      await takesReadings(await plant.join({ url, tls }));
    },
  );
});
