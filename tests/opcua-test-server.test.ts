/** The server and the proxy that the tests of OPC-UA stand on do what they say. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AttributeIds,
  type ClientSession,
  ClientSubscription,
  type DataValue,
  type HistoryReadResult,
  OPCUACertificateManager,
  OPCUAClient,
  TimestampsToReturn,
} from 'node-opcua';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type CuttingProxy, startCuttingProxy } from './support/opcua-proxy.ts';
import { numberName, numbersNamespace, type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

let server: OpcuaServer;
let proxy: CuttingProxy;
let opened: OPCUAClient[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-opcua-client-'));
  server = await startOpcuaServer({ items: 20, hz: 10, history: true, historyValuesMax: 7, queueMax: 40 });
  proxy = await startCuttingProxy(server.port);
});
afterEach(async () => {
  for (const client of opened) await client.disconnect();
  opened = [];
});
afterAll(async () => {
  await proxy.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(port = server.port): Promise<ClientSession> {
  const client = OPCUAClient.create({
    endpointMustExist: false,
    clientCertificateManager: new OPCUACertificateManager({ rootFolder: folder }),
    transportTimeout: 2_000,
    connectionStrategy: { maxRetry: 0 },
  });
  opened.push(client);
  await client.connect(`opc.tcp://127.0.0.1:${port}`);
  return await client.createSession();
}

async function nodeId(session: ClientSession, name: string): Promise<string> {
  const namespaces = await session.readNamespaceArray();
  return `ns=${namespaces.indexOf(numbersNamespace)};s=${name}`;
}

async function subscribe(session: ClientSession, names: string[]) {
  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: 200,
    publishingEnabled: true,
  });
  const values = new Map<string, DataValue[]>(names.map((name) => [name, []]));
  const revised: number[] = [];
  for (const name of names) {
    const item = await subscription.monitor(
      { nodeId: await nodeId(session, name), attributeId: AttributeIds.Value },
      { samplingInterval: 100, queueSize: 100, discardOldest: true },
      TimestampsToReturn.Both,
    );
    revised.push(item.result?.revisedQueueSize ?? 0);
    item.on('changed', (value) => values.get(name)?.push(value));
  }
  return { values, revised };
}

const numbersOf = (values: readonly DataValue[]) => values.map(({ value }) => value.value as number);

test('every number that is made reaches a subscription, once, at its own time', async () => {
  const session = await open();
  const names = [0, 7, 19].map(numberName);
  const { values, revised } = await subscribe(session, names);
  await sleep(1_500);
  await server.pause();
  const last = await server.lastNumber();
  const made = await server.madeNumbers();
  await vi.waitFor(() => expect(numbersOf(values.get('n7') ?? []).at(-1)).toBe(last), 60_000);
  for (const name of names) {
    const got = values.get(name) ?? [];
    const first = got[0]?.value.value as number;
    expect(numbersOf(got)).toEqual(made.filter((number) => number >= first));
    expect(got.map((value) => value.sourceTimestamp?.getTime())).toEqual(numbersOf(got).map(server.timeOf));
  }
  expect(made.length).toBeGreaterThan(12);
  expect(revised).toEqual([40, 40, 40]);
  await server.resume();
});

test('the history has every number, a few an answer, with continuation points', async () => {
  const session = await open();
  await server.pause();
  const made = await server.madeNumbers();
  const node = await nodeId(session, 'n3');
  const [from, to] = [server.timeOf(made[0] ?? 0), server.timeOf(made.at(-1) ?? 0)];
  const first = (await session.readHistoryValue(node, new Date(from), new Date(to))) as HistoryReadResult;
  const data = first.historyData as unknown as { dataValues: DataValue[] };
  expect(numbersOf(data.dataValues)).toEqual(made.slice(0, 7));
  expect(first.continuationPoint?.length).toBeGreaterThan(0);
  await server.resume();
});

test('a frozen server makes no numbers, and a killed one comes back with its history on the same port', async () => {
  server.freeze();
  await sleep(1_500);
  server.thaw();
  await vi.waitFor(async () => {
    const made = await server.madeNumbers();
    const holes = made.slice(1).filter((number, index) => number - (made[index] ?? 0) > 10);
    expect(holes).toHaveLength(1);
  }, 60_000);
  const before = await server.madeNumbers();
  await server.restart({ namespacesBefore: 2 });
  await vi.waitFor(async () => expect(await server.lastNumber()).toBeGreaterThan(before.at(-1) ?? 0), 60_000);
  const session = await open();
  expect(await nodeId(session, 'n0')).toBe('ns=5;s=n0');
  const [from, to] = [before.at(-3) ?? 0, before.at(-1) ?? 0].map((number) => new Date(server.timeOf(number)));
  const history = await session.readHistoryValue(await nodeId(session, 'n0'), from as Date, to as Date);
  const data = history.historyData as unknown as { dataValues: DataValue[] };
  expect(numbersOf(data.dataValues)).toEqual(before.slice(-3));
});

test('nodes of each kind can be read, set, added, deleted and made another type', async () => {
  const session = await open();
  const read = async (name: string) => {
    const { value, statusCode } = await session.read({
      nodeId: await nodeId(session, name),
      attributeId: AttributeIds.Value,
    });
    return { type: value.dataType, value: value.value as unknown, status: statusCode.name };
  };
  expect(await read('uint32')).toMatchObject({ value: 4_294_967_295 });
  expect(await read('array')).toMatchObject({ value: new Float64Array([1, 2, 3, 4]) });
  expect(await read('pump')).toMatchObject({ value: { speed: 1_481, inlet: { pressure: 201 } } });
  await server.setValue('temperature', 8.5, { status: 'UncertainSensorNotAccurate' });
  expect(await read('temperature')).toMatchObject({ value: 8.5, status: 'UncertainSensorNotAccurate' });
  await server.addNode('extra', { value: 3 });
  expect(await read('extra')).toMatchObject({ value: 3, status: 'Good' });
  await server.changeType('extra', 'String', 'three');
  expect(await read('extra')).toMatchObject({ value: 'three' });
  await server.deleteNode('extra');
  expect(await read('extra')).toMatchObject({ status: 'BadNodeIdUnknown' });
  const setpoint = { nodeId: await nodeId(session, 'setpoint'), attributeId: AttributeIds.Value };
  const written = await session.write({ ...setpoint, value: { value: { dataType: 'Double', value: 9 } } });
  expect(written.name).toBe('Good');
  expect(await server.readValue('setpoint')).toBe(9);
  await expect(server.setValue('nothing', 1)).rejects.toThrow('no node nothing');
});

test('the proxy resets, swallows and heals', async () => {
  const session = await open(proxy.port);
  const alive = { nodeId: 'i=2258', attributeId: AttributeIds.Value };
  expect((await session.read(alive)).statusCode.name).toBe('Good');
  proxy.drop();
  const lateAnswer = session.read(alive).then(
    () => 'answered',
    () => 'failed',
  );
  expect(await Promise.race([lateAnswer, sleep(1_000, 'silence')])).toBe('silence');
  const waiting = open(proxy.port);
  await sleep(300);
  proxy.heal();
  expect((await (await waiting).read(alive)).statusCode.name).toBe('Good');
  proxy.cut();
  await expect(open(proxy.port)).rejects.toThrow();
  proxy.heal();
  expect((await (await open(proxy.port)).read(alive)).statusCode.name).toBe('Good');
});
