/** A host application of Sparkplug B behind an external broker: its state, and one process that hears each edge node whole. */
import { type EventEmitter, once } from 'node:events';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPlant, type Plant } from './support/behind-broker.ts';
import { isMosquittoMissing, type Mosquitto, needsMosquitto, startMosquitto } from './support/mosquitto.ts';
import { eventually } from './support/program.ts';
import { bornAt, data, deviceBirth, nodeBirth, sparkplug } from './support/sparkplug-stage.ts';
import { encodeWire, type WirePayload } from './support/sparkplug-wire.ts';

let plant: Plant;
let broker: Mosquitto;
let node: MqttClient;
const heard: { topic: string; payload: Buffer }[] = [];

beforeEach(async () => {
  heard.length = 0;
  plant = await openPlant();
  await plant.database.pool.query(`update device set publish_grants = '{spBv1.0/#,telemetry/#}'`);
  if (isMosquittoMissing) return;
  broker = await startMosquitto();
  node = await broker.connect({ clientId: 'gw-1' });
  node.on('message', (topic, payload) => heard.push({ topic, payload }));
  await node.subscribeAsync(['spBv1.0/STATE/+', 'spBv1.0/north/NCMD/gw-1'], { qos: 1 });
});
afterEach(async () => {
  await node?.endAsync(true);
  await plant.close();
  await broker?.remove();
});

type State = { online: boolean; timestamp: number };

const states = () =>
  heard.flatMap(({ topic, payload }) =>
    topic === 'spBv1.0/STATE/faultline' ? [JSON.parse(payload.toString()) as State] : [],
  );

/** Waits until the state was told so often, and returns whether it was online, in order. */
async function toldStates(count: number): Promise<boolean[]> {
  await eventually(`${count} states`, async () => (states().length >= count ? true : undefined));
  return states().map(({ online }) => online);
}

const send = (type: string, device: string | undefined, payload: WirePayload) =>
  node.publishAsync(['spBv1.0/north', type, 'gw-1', ...(device ? [device] : [])].join('/'), encodeWire(payload));

describe.skipIf(isMosquittoMissing)(`behind an external broker${needsMosquitto}`, () => {
  test('edge nodes see the host come and go, and it says so again when an old will speaks for it', async () => {
    const member = await plant.join({ url: broker.url() });
    expect(await toldStates(1)).toEqual([true]);
    await node.publishAsync('spBv1.0/STATE/faultline', JSON.stringify({ online: false, timestamp: 1 }), {
      qos: 1,
      retain: true,
    });
    expect(await toldStates(3)).toEqual([true, false, true]);
    await member.close();
    expect(await toldStates(4)).toEqual([true, false, true, false]);
    const [birth, , again, death] = states();
    expect(again).toEqual(birth);
    expect(death?.timestamp).toBe(birth?.timestamp);
  });

  test('of two processes one hears the edge nodes, in their order; when it goes, the other knows their births', async () => {
    const members = [await plant.join({ url: broker.url() }), await plant.join({ url: broker.url() })];
    await toldStates(1);
    await send('NBIRTH', undefined, nodeBirth(0));
    await send('DBIRTH', 'ahu-1', deviceBirth);
    for (let i = 1; i <= 50; i++) await send('DDATA', 'ahu-1', data(1 + i, i, [{ alias: 1, double: i }]));
    const stored = (count: number) =>
      eventually(`${count} readings`, async () => ((await plant.values()).length >= count ? true : undefined));
    await stored(52);
    const received = await Promise.all(members.map((member) => member.count('messages_received_total')));
    expect([...received].sort((a, b) => a - b)[0]).toBe(0);
    const host = members[received[0] === 0 ? 1 : 0];
    await host?.close();
    expect(await toldStates(3)).toEqual([true, false, true]);
    await send('DDATA', 'ahu-1', data(52, 51, [{ alias: 1, double: 51 }]));
    await stored(53);
    expect((await plant.values()).filter((value) => value > 0 && value !== 13.5)).toEqual(
      Array.from({ length: 51 }, (_, i) => i + 1),
    );
  });

  test('an edge node that is not known is asked for its births', async () => {
    await plant.join({ url: broker.url() });
    await toldStates(1);
    const asked = once(node as unknown as EventEmitter, 'message');
    await send('NDATA', undefined, { at: bornAt, seq: 7, metrics: [{ alias: 4, double: 1 }] });
    const [topic, payload] = (await asked) as [string, Buffer];
    expect(topic).toBe('spBv1.0/north/NCMD/gw-1');
    expect(sparkplug.decodePayload(payload).metrics).toMatchObject([{ name: 'Node Control/Rebirth', value: true }]);
  });
});
