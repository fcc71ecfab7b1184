/** Clients that people have, tried for real: mqtt.js, and mosquitto_pub and mosquitto_sub where they are installed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { password, startTestIngest, type TestIngest } from './support/ingest.ts';

let ingest: TestIngest;
const clients: MqttClient[] = [];
const children: ChildProcess[] = [];
let names = 0;

beforeAll(async () => {
  ingest = await startTestIngest();
  await ingest.addDevice('panel', ['#'], ['#']);
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => ingest.close());

async function connected(options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${ingest.port}`, {
    username: 'panel',
    password,
    clientId: `client-${++names}`,
    protocolVersion: 4,
    reconnectPeriod: 0,
    ...options,
  });
  clients.push(client);
  return client;
}

/** What comes to a client from now on, in short: topic, payload, QoS, and = when it was retained. */
function collect(client: MqttClient): string[] {
  const messages: string[] = [];
  client.on('message', (topic, payload, { qos, retain }) => {
    messages.push(`${topic} ${payload} ${qos}${retain ? '=' : ''}`);
  });
  return messages;
}

describe.each([
  ['MQTT 3.1.1', {}],
  ['MQTT 3.1', { protocolId: 'MQIsdp', protocolVersion: 3 } as const],
])('mqtt.js with %s', (version, options) => {
  const space = version.replace(' ', '-');

  test('publishes and subscribes at each QoS', async () => {
    const subscriber = await connected(options);
    const publisher = await connected(options);
    const messages = collect(subscriber);
    await subscriber.subscribeAsync(`${space}/#`, { qos: 2 });
    for (const qos of [0, 1, 2] as const) await publisher.publishAsync(`${space}/a`, `at ${qos}`, { qos });
    await expect.poll(() => messages).toEqual([0, 1, 2].map((qos) => `${space}/a at ${qos} ${qos}`));
  });

  test('finds what was published while it was away', async () => {
    const away = { ...options, clean: false, clientId: `away-${space}` };
    const before = await connected(away);
    await before.subscribeAsync(`away-${space}/#`, { qos: 1 });
    await before.endAsync();
    const publisher = await connected(options);
    for (const n of [1, 2, 3]) await publisher.publishAsync(`away-${space}/a`, `${n}`, { qos: 1 });
    // The messages may come with the CONNACK.
    const after = mqtt.connect(`mqtt://127.0.0.1:${ingest.port}`, { username: 'panel', password, ...away });
    clients.push(after);
    const messages = collect(after);
    await expect.poll(() => messages).toEqual([1, 2, 3].map((n) => `away-${space}/a ${n} 1`));
  });

  test('leaves a will and retained messages', async () => {
    const will = { topic: `will-${space}/a`, payload: Buffer.from('gone'), qos: 1, retain: true } as const;
    const mortal = await connected({ ...options, will });
    const subscriber = await connected(options);
    const messages = collect(subscriber);
    await subscriber.subscribeAsync(`will-${space}/#`, { qos: 1 });
    mortal.stream.destroy();
    await expect.poll(() => messages).toEqual([`will-${space}/a gone 1`]);
    const late = await connected(options);
    const retained = collect(late);
    await late.subscribeAsync(`will-${space}/#`, { qos: 1 });
    await expect.poll(() => retained).toEqual([`will-${space}/a gone 1=`]);
  });

  test('is told which subscriptions are refused', async () => {
    const client = await connected({ ...options, username: 'gateway' });
    await expect(client.subscribeAsync('telemetry/#', { qos: 1 })).rejects.toThrow();
    expect(await client.subscribeAsync('devices/gateway/#', { qos: 1 })).toMatchObject([{ qos: 1 }]);
  });
});

const [publisherPath, subscriberPath] = ['/usr/bin/mosquitto_pub', '/usr/bin/mosquitto_sub'] as const;
const isMissing = !existsSync(subscriberPath);
const howTo = isMissing ? ' (skipped: apt-get install mosquitto-clients)' : '';

describe.skipIf(isMissing).each(['mqttv311', 'mqttv31'])(
  `mosquitto_pub and mosquitto_sub with -V %s${howTo}`,
  (version) => {
    const account = () => ['-h', '127.0.0.1', '-p', `${ingest.port}`, '-u', 'panel', '-P', password, '-V', version];
    const publish = (...options: string[]) => promisify(execFile)(publisherPath, [...account(), ...options]);
    const subscribe = (...options: string[]) => {
      const child = spawn(subscriberPath, [...account(), '-F', '%t %p %q%r', ...options]);
      children.push(child);
      const lines: string[] = [];
      child.stdout.on('data', (chunk: Buffer) => lines.push(...`${chunk}`.split('\n').filter((line) => line !== '')));
      return { lines, child };
    };

    test('publish and subscribe at each QoS, and what is retained', async () => {
      const topic = `${version}/a`;
      for (const [i, qos] of ['0', '1', '2'].entries()) {
        await publish('-t', `${topic}/${i}`, '-m', 'kept', '-q', qos, '-r');
      }
      const { lines } = subscribe('-t', `${version}/#`, '-q', '2');
      await expect.poll(() => lines).toEqual(['0', '1', '2'].map((qos) => `${topic}/${qos} kept ${qos}1`));
      for (const qos of ['0', '1', '2']) await publish('-t', topic, '-m', 'now', '-q', qos);
      await expect.poll(() => lines.slice(3)).toEqual(['0', '1', '2'].map((qos) => `${topic} now ${qos}0`));
    });

    test('publish a file line by line, and a session that is kept gets all of it', async () => {
      const topic = `${version}/lines`;
      const kept = ['-c', '-i', `kept-${version}`, '-t', topic, '-q', '2'];
      await promisify(execFile)(subscriberPath, [...account(), ...kept, '-E']);
      const publisher = spawn(publisherPath, [...account(), '-t', topic, '-q', '2', '-l']);
      children.push(publisher);
      const numbers = Array.from({ length: 500 }, (_, i) => `${i}`);
      publisher.stdin.end(`${numbers.join('\n')}\n`);
      await expect.poll(() => publisher.exitCode).toBe(0);
      const { lines } = subscribe(...kept, '-C', '500');
      await expect.poll(() => lines.map((line) => line.split(' ')[1])).toEqual(numbers);
    });

    test('send telemetry that is stored', async () => {
      await publish('-t', `telemetry/north/${version}/p`, '-m', '21.5', '-q', '1');
      expect(await ingest.readings()).toContain(`${version}/p=21.5`);
    });
  },
);
