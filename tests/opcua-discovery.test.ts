/** Looking at servers, remembering what they have, and making points of it, over the API and real servers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pathNames } from '../src/ingest/opcua/discovery/found-node.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { type OddServer, oddNamespace, startOddServer } from './support/opcua-odd-server.ts';
import { nodeKey, type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

let api: TestApi;
let world: World;
let other: World;
let server: OpcuaServer;
let odd: OddServer;
const wide = 10_000;
const deep = 40;
beforeAll(async () => {
  [api, server, odd] = await Promise.all([
    startTestApi(),
    startOpcuaServer({ items: 5, hz: 0, history: true, nodesPerBrowseMax: 20, nodesPerReadMax: 50 }),
    startOddServer({ wide, deep, nodesPerBrowseMax: 100 }),
  ]);
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
});
afterAll(async () => {
  await Promise.all([server?.stop(), odd?.stop()]);
  await api?.close();
});

const connections = '/api/v1/opcua-connections';
const call = (method: string, url: string, body?: unknown) =>
  api.call(method, url, { key: world.key, ...(body !== undefined && { body }) });
let count = 0;
async function connect(endpoint_url: string): Promise<string> {
  const body = { name: `Server ${++count}`, site: 'plant', endpoint_url, security: { mode: 'none', policy: 'none' } };
  return `${connections}/${(await call('POST', connections, body)).json.data.id}`;
}
// biome-ignore lint/suspicious/noExplicitAny: what comes is compared below.
type Json = any;
const browse = async (connection: string, body: object): Promise<Json> =>
  (await call('POST', `${connection}/browse`, body)).json.data;
const discover = async (connection: string, body: object = {}): Promise<Json> =>
  (await call('POST', `${connection}/discover`, body)).json.data;
const namesOf = (browsed: Json): string[] => browsed.nodes.map((node: Json) => node.browse_path);
const nodesOf = async (connection: string, query: string): Promise<string[]> =>
  (await call('GET', `${connection}/nodes?limit=200&${query}`)).json.data.map(
    (one: Json) => one.browse_path + (one.field && ` ${one.field}`),
  );
const oddKey = (name: string) => `nsu=${oddNamespace.replaceAll('%', '%25').replaceAll(';', '%3B')};s=${name}`;

describe('a look', () => {
  test('shows one level, what a variable is, and the parts of its value', async () => {
    const connection = await connect(server.endpointUrl);
    const top = await browse(connection, {});
    expect(top).toMatchObject({ reason: null, is_complete: false, stopped: { reason: 'depth' } });
    expect(namesOf(top)).toEqual(expect.arrayContaining(['Numbers', 'Kinds', 'Analog', 'Structures']));
    expect(namesOf(top)).not.toContain('Server');
    const analog = await browse(connection, { start: nodeKey('folder-Analog') });
    expect(analog).toMatchObject({ is_complete: true, stopped: null, total: 2 });
    expect(analog.nodes[0]).toMatchObject({
      node: nodeKey('temperature'),
      browse_path: 'Analog/temperature',
      class: 'variable',
      data_type: 'Double',
      unit: 'degC',
      range: { low: -10, high: 40 },
      readable: true,
      fields: [{ field: '', data_type: 'Double' }],
      problem: null,
    });
    const structures = await browse(connection, { start: nodeKey('folder-Structures') });
    const fields = (at: number): string[] => structures.nodes[at].fields.map((one: Json) => one.field);
    expect(fields(0)).toEqual([
      'Running',
      'Speed',
      'Label',
      'Inlet.Temperature',
      'Inlet.Pressure',
      'Currents[0]',
      'Currents[1]',
      'Currents[2]',
    ]);
    expect(fields(1)).toContain('[1].Inlet.Pressure');
    const kinds = await browse(connection, { start: nodeKey('folder-Kinds') });
    const kind = (name: string) => kinds.nodes.find((one: Json) => one.display_name === name);
    expect(kind('enumeration')).toMatchObject({ data_type: 'PumpMode', fields: [{ field: '' }] });
    expect(kind('matrix').fields).toHaveLength(4);
    expect(kind('bytestring')).toMatchObject({ fields: [], problem: expect.stringContaining('ByteString') });
    const numbers = await browse(connection, { start: nodeKey('folder-Numbers') });
    expect(numbers.nodes[0]).toMatchObject({ history: true });
  });

  test('finds by a text and by class, page by page', async () => {
    const connection = await connect(server.endpointUrl);
    const found = await browse(connection, { depth: 5, text: 'KINDS', class: 'variable', limit: 4, offset: 4 });
    expect(found).toMatchObject({ total: 18, next_offset: 8, is_complete: true });
    expect(namesOf(found).every((path) => path.startsWith('Kinds/'))).toBe(true);
    const last = await browse(connection, { depth: 5, text: 'kinds/', class: 'variable' });
    expect(last).toMatchObject({ total: 0, next_offset: null });
  });

  test('of a server that is not there says why, and of a node that it has not is refused', async () => {
    const away = await connect('opc.tcp://127.0.0.1:1');
    expect(await browse(away, {})).toMatchObject({ reason: 'unreachable', is_complete: false, nodes: [] });
    expect(await discover(away)).toMatchObject({ reason: 'unreachable', values: 0, gone: 0 });
    const connection = await connect(server.endpointUrl);
    for (const start of [nodeKey('nothing'), 'nsu=urn:of:nobody;s=a']) {
      expect(await call('POST', `${connection}/browse`, { start })).toMatchObject({
        status: 400,
        json: { errors: [{ pointer: '/start', code: 'not_found' }] },
      });
    }
  });
});

describe('an odd server', () => {
  test('with ten thousand references, a ring and few continuation points is seen whole, each node once', async () => {
    const connection = await connect(odd.endpointUrl);
    const all = await browse(connection, { depth: 10, class: 'variable', text: 'Wide', limit: 10 });
    expect(all).toMatchObject({ total: wide, next_offset: 10, stopped: { reason: 'depth' } });
    const broad = await browse(connection, { start: oddKey('Broad'), depth: 2, class: 'variable', limit: 1 });
    expect(broad).toMatchObject({ total: 3_300, is_complete: true });
    const ring = await browse(connection, { start: oddKey('Ring'), depth: 20 });
    expect(ring).toMatchObject({ is_complete: true });
    expect(namesOf(ring).sort()).toEqual(['Ring/A', 'Ring/A/B', 'Ring/A/shared']);
  });

  test('with odd names is told apart, and none of them stops it', async () => {
    const connection = await connect(odd.endpointUrl);
    const { nodes, is_complete } = await browse(connection, { start: oddKey('Odd'), depth: 3 });
    expect(is_complete).toBe(true);
    const by = new Map<string, Json>(nodes.map((node: Json) => [node.node, node]));
    const lastOf = (key: string) => pathNames(by.get(key)?.browse_path ?? '').at(-1);
    expect(lastOf(oddKey('Odd.AC/DC & more'))).toBe('AC/DC & more');
    expect(lastOf(oddKey('bell'))).toBe('bell\ufffd');
    expect(lastOf(oddKey('nameless'))).toBe('Shown');
    expect(lastOf(oddKey('a%3Bb=c%20'.replace('%3B', ';')))).toBe('semicolon');
    expect(by.get(oddKey('Odd.hidden'))).toMatchObject({ readable: false });
    expect(by.get(oddKey('Odd.untyped'))).toMatchObject({ fields: [{ field: '', data_type: null }] });
    expect(by.get(oddKey('property'))).toMatchObject({ readable: true, data_type: 'Double' });
    expect(by.get(oddKey('Odd.flow'))).toMatchObject({ unit: 'm3/h', range: null });
    expect(by.has(oddKey('Reset'))).toBe(false);
    expect([...by.keys()].filter((key) => key.startsWith('i='))).toEqual([]);
  });

  test('is discovered as deep as asked, and what lies deeper is said and is not gone', async () => {
    const connection = await connect(odd.endpointUrl);
    const below = { start: oddKey('Deep') };
    const first = await discover(connection, below);
    expect(first).toMatchObject({
      is_complete: false,
      stopped: { reason: 'depth', nodes: [oddKey('Deep31')] },
      values: 0,
    });
    const second = await discover(connection, { start: oddKey('Deep31') });
    expect(second).toMatchObject({ is_complete: true, values: 1, added: 1 });
    expect(await discover(connection, below)).toMatchObject({ gone: 0, is_complete: false });
    const [path] = await nodesOf(connection, '');
    expect(path).toMatch(/^Deep\/d0\/d1\/.*\/d39\/bottom$/);
  });
});

describe('a discovery', () => {
  test('says what was added and what is gone since the one before, and items of gone nodes stay', async () => {
    const connection = await connect(server.endpointUrl);
    await server.addNode('first', { folder: 'Later' });
    await server.addNode('second', { folder: 'Later' });
    const later = { start: nodeKey('folder-Later') };
    const before = await discover(connection, later);
    expect(before).toMatchObject({ reason: null, is_complete: true, values: 2, added: 2, gone: 0, items_made: 0 });
    const items = ['first', 'second'].map((point) => ({ node: nodeKey(point), asset: 'later', point }));
    await call('POST', `${connection}/items`, { items });
    await server.deleteNode('first');
    await server.addNode('third', { folder: 'Later' });
    expect(await discover(connection, later)).toMatchObject({ added: 1, gone: 1, items_gone: 1, values: 2 });
    expect(await nodesOf(connection, 'which=added')).toEqual(['Later/third']);
    expect(await nodesOf(connection, 'which=gone')).toEqual(['Later/first']);
    expect(await nodesOf(connection, '')).toEqual(['Later/third', 'Later/second']);
    expect(await nodesOf(connection, 'which=unmapped')).toEqual(['Later/third']);
    const gone = await call('GET', `${connection}/items?state=gone`);
    expect(gone.json.data).toMatchObject([{ node: nodeKey('first'), state: 'gone', detail: expect.any(String) }]);
    // A look at another part of the server tells nothing of this one.
    await server.deleteNode('second');
    expect(await discover(connection, { start: nodeKey('folder-Analog') })).toMatchObject({ gone: 0, values: 2 });
    await server.addNode('first', { folder: 'Later' });
    expect(await discover(connection, later)).toMatchObject({ added: 1, gone: 1, items_gone: 1 });
    expect((await call('DELETE', `${connection}/items?state=gone`)).json.data).toEqual({ items: 1 });
    expect((await call('GET', `${connection}/items`)).json.data).toMatchObject([
      { node: nodeKey('first'), state: 'new' },
    ]);
  });

  test('by mapping rules makes items once, with class, unit and range, and a preview says so before', async () => {
    const connection = await connect(server.endpointUrl);
    const rules = [
      { path: 'Numbers/**', skip: true },
      {
        path: 'Analog/{point}',
        site: 'ucl-east-campus',
        asset: 'Analog-1',
        asset_class: 'Chiller',
        class: 'Temperature_Sensor',
        when: { unit: 'degC' },
      },
      { path: 'Structures/pump/{point...}', asset: 'Pump-1', sampling_interval_ms: 100 },
      { path: 'Structures/pumps/[{n}]/{point}', asset: 'Pump-1', point: '{point}' },
      { path: 'Writable/{point}', site: 'nowhere', asset: 'a' },
    ];
    const live = { rules, look: {}, verdict: 'new' };
    const preview = (await call('POST', `${connection}/mapping/preview`, live)).json.data;
    const counts = { new: 6, exists: 0, skipped: 5, conflict: 9, unusable: 4 };
    expect(preview).toMatchObject({ is_complete: true, counts, total: 6 });
    expect((await call('GET', `${connection}/nodes`)).json.total).toBe(0);
    expect((await call('GET', `${connection}/items`)).json.total).toBe(0);
    expect(preview.nodes[0]).toMatchObject({
      asset: 'Analog-1',
      point: 'temperature',
      site: 'ucl-east-campus',
      unit: 'degC',
      rule: 1,
    });
    expect((await call('POST', `${connection}/discover`, { apply: true })).json.errors).toMatchObject([
      { pointer: '/apply' },
    ]);
    expect((await call('PUT', `${connection}/mapping`, { rules })).json.data.rules).toHaveLength(5);
    expect((await call('GET', `${connection}/mapping`)).json.data).toMatchObject({
      rules: [{ skip: true }, {}, {}, {}, {}],
    });
    expect(await discover(connection, { apply: true })).toMatchObject({ items_made: 6, counts });
    const again = await discover(connection, { apply: true });
    expect(again).toMatchObject({ items_made: 0, added: 0, counts: { new: 0, exists: 6 } });
    const stored = (await call('POST', `${connection}/mapping/preview`, { verdict: 'conflict', limit: 2 })).json.data;
    expect(stored).toMatchObject({ total: 9, next_offset: 2, counts: { exists: 6 } });
    expect(stored.nodes[0].detail).toMatch(/is the same point: their readings would mix/);
    const points = (await call('GET', '/api/v1/points?q=Analog-1')).json.data;
    expect(points).toMatchObject([
      {
        name: 'temperature',
        site: 'ucl-east-campus',
        unit: 'degC',
        min: -10,
        max: 40,
        class: 'brick:Temperature_Sensor',
      },
    ]);
    const items = (await call('GET', `${connection}/items?q=Inlet`)).json.data;
    expect(items).toMatchObject([
      { field: 'Inlet.Pressure', point: 'Inlet_Pressure', sampling_interval_ms: 100, browse_path: 'Structures/pump' },
      { field: 'Inlet.Temperature', point: 'Inlet_Temperature' },
    ]);
  });

  test('has rules that are checked whole, each mistake with its place, and are kept by their connection alone', async () => {
    const connection = await connect(server.endpointUrl);
    const wrong = [{ path: 'a//b' }, { path: '{asset}/{point}' }, { path: 'x/{point}', site: '{no}' }];
    for (const [method, url] of [
      ['PUT', `${connection}/mapping`],
      ['POST', `${connection}/mapping/preview`],
    ] as const) {
      const refused = await call(method, url, { rules: wrong });
      expect(refused.status).toBe(400);
      expect(refused.json.errors.map((one: Json) => one.pointer)).toEqual([
        '/rules/0/path',
        '/rules/2/site',
        '/rules/2/asset',
      ]);
    }
    expect((await call('GET', `${connection}/mapping`)).json.data).toEqual({ rules: [], updated_at: null });
  });
});

test('nobody of another tenant looks through a connection, and a key for some sites or to read alone does not either', async () => {
  const connection = await connect(server.endpointUrl);
  const limited = await world.makeKey({ siteIds: [world.plantId] });
  const reader = await world.makeKey({ scopes: ['read'] });
  for (const [method, below, body] of [
    ['POST', '/browse', {}],
    ['POST', '/discover', {}],
    ['POST', '/mapping/preview', {}],
    ['PUT', '/mapping', { rules: [] }],
    ['GET', '/mapping', undefined],
    ['GET', '/nodes', undefined],
  ] as const) {
    const by = (key: string) => api.call(method, connection + below, { key, ...(body && { body }) });
    expect(await by(other.key)).toMatchObject({ status: 404, json: { error: 'opcua_connection_not_found' } });
    expect(await by(limited)).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
    expect((await by(reader)).status).toBe(method === 'GET' ? 200 : 403);
  }
});
