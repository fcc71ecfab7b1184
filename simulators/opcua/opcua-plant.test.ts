import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AttributeIds,
  type ClientSession,
  type DataValue,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAClient,
  SecurityPolicy,
  type UserIdentityInfo,
  UserTokenType,
} from 'node-opcua';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { plantNamespace } from './address-space.ts';
import { type OpcuaPlant, startOpcuaPlant } from './opcua-plant.ts';

let plant: OpcuaPlant;
let folder: string;
let clientCertificateManager: OPCUACertificateManager;
let opened: OPCUAClient[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opcua-plant-'));
  clientCertificateManager = new OPCUACertificateManager({
    rootFolder: join(folder, 'client'),
    automaticallyAcceptUnknownCertificate: true,
  });
  plant = await startOpcuaPlant({
    port: 0,
    fanCoils: 3,
    timeScale: 600,
    everySeconds: 60,
    historySeconds: 60,
    security: {
      folder: join(folder, 'server'),
      users: new Map([['operator', 'right']]),
      allowsAnonymous: false,
      allowsNone: false,
      onlyTrustedClients: false,
    },
    command: (line) => `heard: ${line}`,
  });
});
afterEach(async () => {
  for (const client of opened) await client.disconnect();
  opened = [];
});
afterAll(async () => {
  await plant.close();
  await rm(folder, { recursive: true, force: true });
});

const operator = { type: UserTokenType.UserName, userName: 'operator', password: 'right' } as const;

async function open(
  identity: UserIdentityInfo = operator,
  security = { securityMode: MessageSecurityMode.SignAndEncrypt, securityPolicy: SecurityPolicy.Basic256Sha256 },
): Promise<ClientSession> {
  const client = OPCUAClient.create({ ...security, clientCertificateManager, connectionStrategy: { maxRetry: 0 } });
  opened.push(client);
  await client.connect(plant.endpointUrl);
  return await client.createSession(identity);
}

async function idOf(session: ClientSession, path: string): Promise<string> {
  return `ns=${(await session.readNamespaceArray()).indexOf(plantNamespace)};s=${path}`;
}

async function read(session: ClientSession, path: string): Promise<DataValue> {
  return session.read({ nodeId: await idOf(session, path), attributeId: AttributeIds.Value });
}

test('without security, or with a wrong password, nobody comes in', async () => {
  const none = { securityMode: MessageSecurityMode.None, securityPolicy: SecurityPolicy.None };
  await expect(open(operator, none)).rejects.toThrow();
  await expect(open({ ...operator, password: 'wrong' })).rejects.toThrow(
    /BadUserAccessDenied|BadIdentityTokenRejected/,
  );
  await expect(open({ type: UserTokenType.Anonymous })).rejects.toThrow(/ANONYMOUS/);
});

test('a variable has its range, its unit, and its history at the instants of the samples', async () => {
  const session = await open();
  const id = await idOf(session, 'CH-1/LeavingWaterTemperature');
  await vi.waitFor(() => expect(plant.samples()).toBeGreaterThan(5), 5000);
  expect((await read(session, 'CH-1/LeavingWaterTemperature')).value.value).toBeCloseTo(7, 0);
  const properties = await session.browse({ nodeId: id, referenceTypeId: 'HasProperty', resultMask: 63 });
  const property = async (name: string) => {
    const found = properties.references?.find(({ browseName }) => browseName.name === name);
    return (await session.read({ nodeId: found?.nodeId ?? '', attributeId: AttributeIds.Value })).value
      .value as unknown;
  };
  expect(await property('EURange')).toMatchObject({ low: 0, high: 60 });
  expect(await property('EngineeringUnits')).toMatchObject({ unitId: 4_408_652, displayName: { text: '°C' } });
  const history = await session.readHistoryValue(id, new Date(Date.now() - 10_000), new Date());
  const { dataValues } = history.historyData as unknown as { dataValues: DataValue[] };
  const times = dataValues.map(({ sourceTimestamp }) => sourceTimestamp?.getTime() ?? 0);
  const spans = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(dataValues.length).toBeGreaterThan(4);
  expect(spans.slice(1).every((span) => span === 100)).toBe(true);
});

test('a fault is switched by writing a node, and a set-point is taken up by the plant', async () => {
  const session = await open();
  const write = async (path: string, dataType: string, value: unknown) =>
    (
      await session.write({
        nodeId: await idOf(session, path),
        attributeId: AttributeIds.Value,
        value: { value: { dataType, value } },
      })
    ).name;
  expect(await write('Simulation/Faults/bearing-wear', 'Boolean', true)).toBe('Good');
  await vi.waitFor(async () => {
    expect((await read(session, 'Simulation/Active')).value.value).toEqual(['CHWP-1/bearing-wear:1']);
    expect((await read(session, 'CHWP-1/Vibration')).value.value).toBeGreaterThan(7.1);
  }, 5000);
  expect(await write('Simulation/Command', 'String', 'fault pump-trip on')).toBe('Good');
  await vi.waitFor(async () => {
    expect((await read(session, 'Simulation/Answer')).value.value).toBe('heard: fault pump-trip on');
  }, 5000);
  expect(await write('CH-1/LeavingWaterSetpoint', 'Double', 9)).toBe('Good');
  await vi.waitFor(async () => {
    expect((await read(session, 'CH-1/LeavingWaterTemperature')).value.value).toBeCloseTo(9, 0);
  }, 5000);
  expect(await write('CH-1/Power', 'Double', 1)).toBe('BadNotWritable');
});

test('a sensor that fails shows in the status of its value', async () => {
  const session = await open();
  plant.faults.inject('sensor-failed', { asset: 'FC-001', point: 'ZoneTemperature' });
  await vi.waitFor(async () => {
    expect((await read(session, 'FC-001/ZoneTemperature')).statusCode.name).toBe('BadSensorFailure');
  }, 5000);
  plant.faults.clear('sensor-failed', { asset: 'FC-001', point: 'ZoneTemperature' });
});
