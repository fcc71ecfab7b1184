/** Connections in a file: made as it says, told apart from those of the API, and refused whole with the place of each mistake. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { applyConnectionFile } from '../src/ingest/opcua/connections/apply-file.ts';
import { readConnectionFile } from '../src/ingest/opcua/connections/connection-file.ts';
import { followConnectionFile } from '../src/ingest/opcua/connections/follow-file.ts';
import { findSpec } from '../src/ingest/opcua/connections/spec-store.ts';
import { createLog } from '../src/platform/log.ts';
import { createSealer } from '../src/platform/sealer.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let folder: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  folder = await mkdtemp(join(tmpdir(), 'faultline-opcua-file-'));
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => api.database.pool.query('delete from opcua_connection'));

const sealer = createSealer('a secret of the tests, long enough');
const env = { PLC7_PASSWORD: 'of the environment' };
const file = async (text: string) => {
  const path = join(folder, 'plants.yaml');
  await writeFile(path, text);
  return path;
};
const apply = async (text: string) =>
  applyConnectionFile(api.database.db, await file(text), { env, sealer, at: new Date() });
const list = async () => (await api.call('GET', '/api/v1/opcua-connections', { key: world.key })).json.data;

const chiller = `connections:
  - name: Chiller plant
    site: plant
    endpoint_url: opc.tcp://127.0.0.1:4840
    identity: {kind: username, username: faultline, password_env: PLC7_PASSWORD}
`;
const boiler = `  - name: Boiler
    site: ucl-east-campus
    endpoint_url: opc.tcp://127.0.0.1:4841
    sampling_interval_ms: 500
`;

test('connections are made, left alone where nothing changed, changed and deleted as the file says', async () => {
  expect(await apply(chiller + boiler)).toEqual({ made: 2, changed: 0, deleted: 0 });
  const before = await list();
  expect(before.map((one: { name: string; source: string; site: string }) => [one.name, one.source, one.site])).toEqual(
    [
      ['Boiler', 'file', 'ucl-east-campus'],
      ['Chiller plant', 'file', 'plant'],
    ],
  );
  expect(await apply(chiller + boiler)).toEqual({ made: 0, changed: 0, deleted: 0 });
  expect(await list()).toEqual(before);
  expect(await apply(chiller + boiler.replace('500', '250'))).toEqual({ made: 0, changed: 1, deleted: 0 });
  expect(await apply(chiller)).toEqual({ made: 0, changed: 0, deleted: 1 });
  expect((await list()).map((one: { name: string }) => one.name)).toEqual(['Chiller plant']);
});

test('a secret comes from the environment or from a file, and another one is a change', async () => {
  await apply(chiller);
  const [{ id }] = await list();
  const identity = async () => (await findSpec(api.database.db, { tenantId: world.tenantId, id }, sealer))?.identity;
  expect(await identity()).toEqual({ kind: 'username', username: 'faultline', password: 'of the environment' });
  await writeFile(join(folder, 'password'), 'of a file\n');
  const inFile = chiller.replace('password_env: PLC7_PASSWORD', 'password_file: password');
  expect(await apply(inFile)).toEqual({ made: 0, changed: 1, deleted: 0 });
  expect(await identity()).toMatchObject({ password: 'of a file' });
  expect(await apply(inFile)).toEqual({ made: 0, changed: 0, deleted: 0 });
});

test('what a file sets is changed by no call, and a connection of the API stays as it is', async () => {
  await apply(chiller);
  const [{ id }] = await list();
  const body = { enabled: false };
  for (const [method, more] of [
    ['PATCH', { body }],
    ['DELETE', {}],
  ] as const)
    expect(await api.call(method, `/api/v1/opcua-connections/${id}`, { key: world.key, ...more })).toMatchObject({
      status: 409,
      json: { error: 'opcua_connection_of_file' },
    });
  const own = { name: 'By hand', site: 'plant', endpoint_url: 'opc.tcp://127.0.0.1:4842' };
  expect((await api.call('POST', '/api/v1/opcua-connections', { key: world.key, body: own })).status).toBe(201);
  expect(await apply('connections: []\n')).toEqual({ made: 0, changed: 0, deleted: 1 });
  expect((await list()).map((one: { name: string }) => one.name)).toEqual(['By hand']);
});

test.each<[string, string, RegExp]>([
  ['broken YAML', 'connections:\n  - name: [', /plants\.yaml:\d+:\d+: /],
  ['nothing', '', /plants\.yaml/],
  ['another root', 'servers: []\n', /plants\.yaml:1:1: /],
  [
    'an address of another protocol',
    chiller.replace('opc.tcp', 'http'),
    /plants\.yaml:4:19: connections\[0\]\.endpoint_url must be opc\.tcp/,
  ],
  ['a property that there is not', `${chiller}    poll: 1\n`, /connections\[0\] .*poll/],
  [
    'a variable that is not set',
    chiller.replace('PLC7', 'PLC8'),
    /plants\.yaml:5:15: connections\[0\]\.identity password_env names PLC8_PASSWORD, which is not set/,
  ],
  [
    'a file that there is not',
    chiller.replace('password_env: PLC7_PASSWORD', 'password_file: gone'),
    /password_file cannot be read: ENOENT/,
  ],
  ['a site that there is not', chiller.replace('site: plant', 'site: nowhere'), /"Chiller plant": .*no such site/],
  ['a name twice', chiller + boiler.replace('Boiler', 'Chiller plant'), /two connections are called "Chiller plant"/],
  ['a tenant that there is not', `${chiller}    tenant: Nobody\n`, /no tenant Nobody/],
  ['a bomb of aliases', 'connections: [&a {name: x}, *a, *a]\n', /aliases/],
])('%s is refused, and nothing is changed', async (_what, text, message) => {
  await apply(boiler.replace(/^/, 'connections:\n'));
  const before = await list();
  const refused = apply(text);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.not.toThrow(/of the environment/);
  expect(await list()).toEqual(before);
});

test('every mistake of a file is named', async () => {
  const wrong = (chiller + boiler).replaceAll('opc.tcp', 'http').replace('500', '-1');
  const refused: Error = await readConnectionFile(await file(wrong), env).then(
    () => expect.unreachable(),
    (error) => error,
  );
  expect(refused.message.split('\n').map((line) => /connections\S+/.exec(line)?.[0])).toEqual([
    'connections[0].endpoint_url',
    'connections[1].endpoint_url',
    'connections[1].sampling_interval_ms',
  ]);
});

test('a file that changes is applied again, and one that has become wrong changes nothing', async () => {
  const path = await file(chiller);
  const following = await followConnectionFile({
    db: api.database.db,
    path,
    env,
    sealer,
    log: createLog('silent'),
    everyMs: 20,
  });
  const names = async () => (await list()).map((one: { name: string }) => one.name);
  try {
    expect(await names()).toEqual(['Chiller plant']);
    await file(chiller + boiler);
    await vi.waitFor(async () => expect(await names()).toEqual(['Boiler', 'Chiller plant']), 60_000);
    await file('connections: [');
    await file(chiller.replace('Chiller plant', 'Another'));
    await vi.waitFor(async () => expect(await names()).toEqual(['Another']), 60_000);
  } finally {
    await following.close();
  }
});
