/** Every request that the four documents show, sent as it stands there, but for the host, the key and the ids. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import {
  documentsSuite,
  type ExampleRequest,
  listExampleBodies,
  listExampleRequests,
  readApiDocument,
} from './support/api-documents.ts';

const { title, isAbsent } = documentsSuite();

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

/** Sends an example to this server: its path and query, its headers with a key of ours, and its body, ids put in place of those shown. */
async function send({ method, url, headers, body }: ExampleRequest, ids: Record<string, string> = {}) {
  const replaced = (text: string) =>
    Object.entries(ids).reduce((sent, [shown, own]) => sent.replaceAll(shown, own), text);
  const { pathname, search } = new URL(replaced(url));
  return api.call(method, pathname + search, {
    headers: { ...headers, authorization: `Bearer ${world.key}` },
    ...(body === undefined ? {} : { payload: replaced(body) }),
  });
}

/** That an answer has every property that a document shows, of the kind that it shows; null may stand for what is not there. */
function expectShape(answer: unknown, shown: unknown, path = ''): void {
  if (Array.isArray(shown)) {
    expect([path, Array.isArray(answer)]).toEqual([path, true]);
    for (const item of answer as unknown[]) expectShape(item, shown[0], `${path}[]`);
    return;
  }
  if (shown === null || typeof shown !== 'object') {
    if (answer !== null && shown !== null) expect([path, typeof answer]).toEqual([path, typeof shown]);
    return;
  }
  expect([path, answer === null ? 'null' : typeof answer]).toEqual([path, 'object']);
  for (const [name, value] of Object.entries(shown)) {
    expect([path, Object.keys(answer as object)]).toEqual([path, expect.arrayContaining([name])]);
    expectShape((answer as Record<string, unknown>)[name], value, `${path}/${name}`);
  }
}

describe.skipIf(isAbsent)(title, () => {
  test('are all that are known here: none was added that no test sends', () => {
    const counts = ['runtight', 'tacit', 'runn', 'remoteops'].map((name) => listExampleRequests(name).length);
    expect(counts).toEqual([4, 3, 6, 0]);
  });

  describe('RunTight', () => {
    const [anyone, filtered, creation, assets] = isAbsent ? [] : listExampleRequests('runtight');
    const [page] = isAbsent ? [] : listExampleBodies('runtight', 'Response');
    const [created] = isAbsent ? [] : listExampleBodies('runtight', 'Response (201 Created)');

    test('creates a work order', async () => {
      const users = { 'asset-uuid-here': world.ahuId };
      const { status, json } = await send(creation as ExampleRequest, users);
      expect(status).toBe(201);
      expectShape(json, created);
      const { id: _id, created_at: _at, ...same } = (created as { data: Record<string, unknown> }).data;
      expect(json.data).toMatchObject(same);
    });

    test.each([
      ['the list', () => anyone as ExampleRequest, { limit: 50, offset: 0 }],
      ['the list with a filter and a limit', () => filtered as ExampleRequest, { limit: 25, offset: 0 }],
    ])('gives %s', async (_name, example, expected) => {
      const { status, json } = await send(example());
      expect(status).toBe(200);
      expectShape(json, page);
      expect(json).toMatchObject(expected);
      expect(json.data.length).toBeGreaterThan(0);
    });

    test('gives the equipment', async () => {
      const { status, json } = await send(assets as ExampleRequest);
      expect(status).toBe(200);
      expect(json.data.map(({ name }: { name: string }) => name).sort()).toEqual(['AHU-01', 'Chiller-01']);
    });

    test('gives the calendar by the address that is pasted into one', async () => {
      const [address = ''] = /https:\S+calendar\.ics\?key=/.exec(readApiDocument('runtight')) ?? [];
      const { pathname, search } = new URL(address);
      const { status, headers, text } = await api.call('GET', `${pathname}${search}${world.key}`);
      expect(status).toBe(200);
      expect(headers['content-type']).toMatch(/^text\/calendar/);
      expect(text).toMatch(/^BEGIN:VCALENDAR\r\n/);
    });
  });

  describe('Tacit', () => {
    const [creation, list, completion] = isAbsent ? [] : listExampleRequests('tacit');
    const [fromInsight] = isAbsent ? [] : listExampleBodies('tacit', 'Request');
    const [created] = isAbsent ? [] : listExampleBodies('tacit', 'Response (201)');
    const [listed, completed] = isAbsent ? [] : listExampleBodies('tacit', 'Response (200)');
    const assignee = '7a2b3c4d-5e6f-7890-abcd-ef1234567890';
    const order = 'b2c3d4e5-6789-0abc-def1-234567890abc';

    test('creates a work order, lists it, and completes it', async () => {
      const made = await send(creation as ExampleRequest, { [assignee]: world.alexId });
      expect(made.status).toBe(201);
      expectShape(made.json, created);
      const shown = created as Record<string, unknown>;
      const own = [
        'id',
        'created_by',
        'created_by_detail',
        'assigned_to',
        'assigned_to_detail',
        'location_uri',
        'created_at',
        'updated_at',
      ];
      expect(made.json).toMatchObject(
        Object.fromEntries(Object.entries(shown).filter(([name]) => !own.includes(name))),
      );
      expect(made.json.assigned_to_detail).toEqual({ id: world.alexId, username: 'alex', email: 'alex@betacit.com' });

      const found = await send(list as ExampleRequest);
      expect(found.status).toBe(200);
      expectShape(found.json, listed);
      expect(found.json.map(({ id }: { id: string }) => id)).toContain(made.json.id);

      const done = await send(completion as ExampleRequest, { [order]: made.json.id });
      expect(done.status).toBe(200);
      expectShape(done.json, completed);
      expect(done.json).toMatchObject({ status: 'completed', completed_at: '2026-03-16T14:30:00Z', comment_count: 0 });
    });

    test('does not find the work order of the document, whose id is well-formed', async () => {
      expect((await send(completion as ExampleRequest)).status).toBe(404);
    });

    test('creates a work order from an insight', async () => {
      const insight = await world.makeInsight();
      const body = JSON.stringify(fromInsight).replace('d4f7a1b2-8e3c-4f9a-b5d6-1c2e3f4a5b6c', insight);
      // The chiller of the document stands at the site of the example; ours at another one.
      const sent = body.replace('#Chiller-01', '#AHU-01');
      const { url, headers } = creation as ExampleRequest;
      const made = await send({ method: 'POST', url, headers, body: sent });
      expect(made.status).toBe(201);
      expect(made.json).toMatchObject({ insight, status: 'open', priority: 'high' });
      const { json } = await api.call('GET', `/api/v1/insights/${insight}`, { key: world.key });
      expect(json.data).toMatchObject({ status: 'in_progress', work_order_ids: [made.json.id] });
    });
  });

  describe('Runn', () => {
    // The addresses of this document's commands were lost; where they are put back, they are those of its prose.
    const at = (index: number, path: string, method = 'GET') => {
      const example = listExampleRequests('runn')[index] as ExampleRequest;
      return send({ ...example, method, url: `https://api.runn.io${path}` });
    };
    const person = async () => (await api.call('GET', `/api/v1/users/${world.alexId}`, { key: world.key })).json.data;

    test('wants a version in the header where there is none in the path', async () => {
      const { status, json } = await at(0, '/people');
      expect([status, json.error, json.statusCode]).toEqual([400, 'version_required', 400]);
      expect(json.message).toMatch(/Accept-Version/);
    });

    test('wants a key with the version', async () => {
      const { headers } = listExampleRequests('runn')[1] as ExampleRequest;
      const { status, json } = await api.call('GET', '/people', { headers });
      expect([status, json.error]).toEqual([401, 'unauthenticated']);
    });

    test('lists, and goes on with the cursor to a last page that has none', async () => {
      const first = await at(2, '/people?limit=1');
      expect(first.status).toBe(200);
      // The document's integer ids are `number` here, beside an id of its own kind that everything has.
      expectShape(first.json, { values: [{ number: 1 }], nextCursor: 'string' });
      const second = await at(5, `/people?limit=1&cursor=${first.json.nextCursor}`);
      expect(second.json).toMatchObject({ values: [{ number: expect.any(Number) }], nextCursor: null });
      expect(second.json.values[0].number).not.toBe(first.json.values[0].number);
      expect((await at(4, '/people')).json.values).toHaveLength(2);
    });

    test('changes a property by an integer id, and no other', async () => {
      const before = await person();
      const { status, json } = await at(3, `/people/${before.number}`, 'PATCH');
      expect(status).toBe(200);
      expect(json).toMatchObject({ number: before.number, name: 'My updated name' });
      expect(await person()).toEqual({ ...before, name: 'My updated name', updated_at: expect.any(String) });
    });
  });
});
