/** An edge node as they are in plants: mqtt.js, another's encoder, QoS 0, its death as its will, births when it is asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { expect, test } from 'vitest';
import { password } from './support/ingest.ts';
import { sparkplug, useSparkplug } from './support/sparkplug-stage.ts';

const stage = useSparkplug();

type Metric = { name: string; type: 'Double' | 'Boolean' | 'UInt64' | 'Int32'; value: number | boolean };

/** Connects and is born; `rebirths` counts how often it was asked to be born again. */
async function startEdgeNode(port: number, bdSeq: number) {
  let seq = -1;
  const encode = (metrics: Metric[], isDeath = false) => {
    const timestamp = Date.now();
    if (!isDeath) seq = (seq + 1) % 256;
    const stamped = metrics.map((metric) => ({ ...metric, timestamp }));
    return Buffer.from(sparkplug.encodePayload({ timestamp, metrics: stamped, ...(!isDeath && { seq }) } as never));
  };
  const session: Metric = { name: 'bdSeq', type: 'UInt64', value: bdSeq };
  const client: MqttClient = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    clientId: 'edge',
    username: 'plc',
    password,
    reconnectPeriod: 0,
    will: { topic: 'spBv1.0/north/NDEATH/edge', payload: encode([session], true), qos: 1, retain: false },
  });
  const node = { client, rebirths: 0, value: 20 };
  const beBorn = () => {
    seq = -1;
    const rebirth: Metric = { name: 'Node Control/Rebirth', type: 'Boolean', value: false };
    client.publish('spBv1.0/north/NBIRTH/edge', encode([session, rebirth]));
    client.publish('spBv1.0/north/DBIRTH/edge/pump-1', encode([{ name: 'flow', type: 'Double', value: node.value }]));
  };
  client.on('message', (_topic, payload) => {
    const asks = sparkplug
      .decodePayload(payload)
      .metrics?.some(({ name, value }) => /Rebirth/.test(name ?? '') && value);
    if (!asks) return;
    node.rebirths++;
    beBorn();
  });
  await client.subscribeAsync('spBv1.0/north/NCMD/edge/#');
  beBorn();
  const send = (isLost = false) => {
    node.value++;
    const payload = encode([{ name: 'flow', type: 'Double', value: node.value }]);
    if (!isLost) client.publish('spBv1.0/north/DDATA/edge/pump-1', payload);
  };
  return Object.assign(node, { send });
}

test('is heard, asked for its births when a message was lost, and stale when its connection is', async () => {
  const { port } = stage.ingest();
  const node = await startEdgeNode(port, 0);
  for (let i = 0; i < 5; i++) {
    await sleep(2); // Values have a time of their own, in milliseconds.
    node.send(i === 2);
  }
  await expect.poll(() => node.rebirths).toBe(1);
  await expect.poll(() => stage.ingest().readings()).toEqual([20, 21, 22, 24, 25, 25].map((n) => `pump-1/flow=${n}`));
  node.client.stream.destroy();
  await expect.poll(async () => (await stage.ingest().readings()).at(-1)).toBe('pump-1/flow=null bad');
  const again = await startEdgeNode(port, 1);
  await expect.poll(async () => (await stage.ingest().readings()).at(-1)).toBe('pump-1/flow=20');
  expect(again.rebirths).toBe(0);
  expect(await stage.ingest().quarantine()).toEqual([]);
  await again.client.endAsync(true);
});
