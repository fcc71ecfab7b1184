import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleCertificate } from '../src/ingest/opcua/certificates/example-certificate.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { type DescribedOperation, examplesOf } from './support/document-examples.ts';

let api: TestApi;
let mine: World;
let theirs: World;
let theirIds: Record<string, string>;
const secret = 'only-theirs';
beforeAll(async () => {
  api = await startTestApi();
  await prepareStorage(api.database.pool, createLog('silent'));
  mine = await makeWorld(api.database);
  theirs = await makeWorld(api.database);
  const { db } = api.database;
  await db.updateTable('site').set({ slug: 'their-campus', name: secret }).where('id', '=', theirs.campusId).execute();
  await db
    .updateTable('asset')
    .set({ name: secret, uri: `urn:${secret}` })
    .where('id', '=', theirs.ahuId)
    .execute();
  await db.updateTable('point').set({ name: secret }).where('id', '=', theirs.pointId).execute();
  const insight = await theirs.makeInsight();
  await db.updateTable('insight').set({ title: secret }).where('id', '=', insight).execute();
  const message = { id: newId(), tenant_id: theirs.tenantId, reason: 'x', detail: secret, topic: secret };
  await db
    .insertInto('quarantine')
    .values({ ...message, payload: Buffer.from(secret), received_at: new Date() })
    .execute();
  const body = { title: secret, insight, assigned_to: theirs.alexId };
  const order = await api.call('POST', '/api/v1/work-orders', { key: theirs.key, body });
  await deployLibrary(api);
  const override = await api.call('POST', '/api/v1/rule-overrides', {
    key: theirs.key,
    body: { rule_id: 'sat-warm', asset_id: theirs.ahuId, enabled: false, reason: secret },
  });
  const locationId = newId();
  const place = { id: locationId, tenant_id: theirs.tenantId, site_id: theirs.campusId };
  await db
    .insertInto('location')
    .values({ ...place, name: secret, source: 'x', external_id: secret })
    .execute();
  const template = await api.call('POST', '/api/v1/topic-templates', {
    key: theirs.key,
    body: { name: secret, pattern: `${secret}/{site}/{asset}/{point}`, format: 'number' },
  });
  const device = await api.call('POST', '/api/v1/devices', { key: theirs.key, body: { name: secret } });
  const policy = await api.call('POST', '/api/v1/telemetry/retention-policies', {
    key: theirs.key,
    body: { keep: { raw: '90d' }, note: secret },
  });
  const token = await api.call('POST', '/api/v1/device-tokens', { key: theirs.key, body: { name: secret } });
  const correction = await api.call('POST', `/api/v1/points/${theirs.pointId}/corrections`, {
    key: theirs.key,
    body: { reason: secret, start: '2026-01-01T00:00Z', end: '2026-01-02T00:00Z', set: 1 },
  });
  const twin = await api.call('POST', '/api/v1/points', {
    key: theirs.key,
    body: { asset_id: theirs.ahuId, name: `${secret}-too` },
  });
  const merge = await api.call('POST', `/api/v1/points/${twin.json.data.id}/merge-into`, {
    key: theirs.key,
    body: { target: theirs.pointId, reason: secret },
  });
  const importId = newId();
  await db
    .insertInto('telemetry_import')
    .values({
      id: importId,
      tenant_id: theirs.tenantId,
      site_id: theirs.campusId,
      holder_id: newId(),
      state: 'done',
      columns: '',
      file_name: secret,
    })
    .returning('id')
    .execute();
  const connection = await api.call('POST', '/api/v1/opcua-connections', {
    key: theirs.key,
    body: { name: secret, site: 'their-campus', endpoint_url: 'opc.tcp://127.0.0.1:1' },
  });
  const certificate = await api.call('POST', '/api/v1/opcua-certificates', {
    key: theirs.key,
    body: { certificate: exampleCertificate },
  });
  theirIds = {
    'opcua-connections': connection.json.data.id,
    'opcua-certificates': certificate.json.data.id,
    quarantine: message.id,
    imports: importId,
    'topic-templates': template.json.data.id,
    devices: device.json.data.id,
    'device-tokens': token.json.data.id,
    locations: locationId,
    'rule-overrides': override.json.data.id,
    'retention-policies': policy.json.data.id,
    // The library is the same for all tenants: what none of them has stands for what another has.
    rules: 'no-such-rule',
    assets: theirs.ahuId,
    points: theirs.pointId,
    corrections: correction.json.data.id,
    'point-merges': merge.json.data.id,
    insights: insight,
    'work-orders': order.json.data.id,
  };
});
afterAll(() => api.close());

type Operation = DescribedOperation & { parameters?: { in: string; name: string }[]; security?: unknown[] };

/** Every operation of the document that wants a key. */
function operations(): { method: string; path: string; operation: Operation }[] {
  const { paths } = api.app.swagger() as unknown as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    )
    .filter(({ operation }) => operation.security?.length !== 0);
}

const collectionOf = (path: string) => /(\w[\w-]*)\/\{id\}/.exec(path)?.[1] ?? '';
/** What the document shows as a body for the operation. */
const bodyFor = (operation: Operation) => {
  const { components } = api.app.swagger() as unknown as { components: { schemas: Record<string, object> } };
  return examplesOf(operation, components.schemas)[0];
};

/** What operations ask for in their query. */
const queryOf: Record<string, string> = { 'DELETE /api/v1/opcua-connections/{id}/items': '?all=true' };

describe('no route gives anything of another tenant', () => {
  test("with another tenant's ids and slugs every route is 404, and changes nothing", async () => {
    const before = await snapshot();
    let walked = 0;
    for (const { method, path, operation } of operations().filter(({ path }) => path.includes('{'))) {
      for (const slug of ['their-campus', 'ucl-east-campus']) {
        if (slug === 'ucl-east-campus' && !path.includes('{id}')) continue;
        const url = path.replace('{slug}', slug).replace('{id}', theirIds[collectionOf(path)] ?? '');
        const reply = await api.call(method, `${url}${queryOf[`${method} ${path}`] ?? ''}`, {
          key: mine.key,
          body: bodyFor(operation),
        });
        expect([method, url, reply.status]).toEqual([method, url, 404]);
        expect(reply.text).not.toContain(secret);
        walked += 1;
      }
    }
    expect(walked).toBeGreaterThan(15);
    expect(await snapshot()).toEqual(before);
  });

  test('no list has a byte of theirs, nor counts it, with any filter that names theirs', async () => {
    for (const { path, operation } of operations().filter(
      // A stream has no end; tests/live-stream.test.ts says what it tells to whom.
      ({ method, path }) => method === 'GET' && !path.includes('{id}') && !/\/stream\/?$/.test(path),
    )) {
      const url = path.replace('{slug}', 'ucl-east-campus');
      const queries = (operation.parameters ?? [])
        .filter(
          (parameter) =>
            parameter.in === 'query' &&
            /_id$|^(uri|equipment_uri|insight|parent|assigned_to|name|topic)$/.test(parameter.name),
        )
        .flatMap(({ name }) =>
          [...Object.values(theirIds), theirs.alexId, `urn:${secret}`].map(
            (value) => `?${name}=${encodeURIComponent(value)}`,
          ),
        );
      for (const query of ['', ...queries]) {
        const reply = await api.call('GET', `${url}${query}`, { key: mine.key });
        expect(reply.status).toBeOneOf([200, 400]);
        expect(reply.text).not.toContain(secret);
        for (const id of Object.values(theirIds)) {
          if (!query.includes(id)) expect(reply.text).not.toContain(id);
        }
        if (query !== '' && reply.status === 200) expect(reply.json.total ?? reply.json.length).toBe(0);
      }
    }
  });

  test('no body can point at theirs', async () => {
    const links = {
      asset_id: theirs.ahuId,
      assigned_to: theirs.alexId,
      insight: theirIds.insights,
      parent: theirIds['work-orders'],
    };
    const own = await api.call('POST', '/api/v1/work-orders', { key: mine.key, body: { title: 'x' } });
    for (const [property, id] of Object.entries(links)) {
      for (const [method, url] of [
        ['POST', '/api/v1/work-orders'],
        ['PATCH', `/api/v1/work-orders/${own.json.data.id}`],
      ] as const) {
        const reply = await api.call(method, url, { key: mine.key, body: { title: 'x', [property]: id } });
        expect(reply).toMatchObject({
          status: 400,
          json: { errors: [{ pointer: `/${property}`, code: 'not_found' }] },
        });
        expect(reply.text).not.toContain(secret);
      }
    }
  });
});

describe('every route that wants a key', () => {
  test.each([
    ['no key', undefined, 401],
    ['an unknown key', async () => 'flt_live_unknown', 401],
    ['an expired key', () => mine.makeKey({ expiresAt: new Date(0) }), 401],
    ['a key without scopes', () => mine.makeKey({ scopes: [] }), 403],
    ['a key on the plan Free', async () => (await makeWorld(api.database, { plan: 'free' })).key, 403],
  ])('with %s is refused before anything else is looked at', async (_, makeKey, expected) => {
    const key = makeKey && (await makeKey());
    for (const { method, path, operation } of operations()) {
      const url = path.replace('{slug}', 'ucl-east-campus').replace('{id}', mine.ahuId);
      const reply = await api.call(method, url, { ...(key === undefined ? {} : { key }), body: bodyFor(operation) });
      expect([method, path, reply.status]).toEqual([method, path, expected]);
    }
  });

  test('names a scope, an idempotency guarantee, a summary and an id of its own', () => {
    const ids = operations().map(
      ({ operation }) => operation as { operationId?: string; summary?: string; description?: string },
    );
    for (const { summary, description } of ids)
      expect([summary, description]).toEqual([expect.any(String), expect.any(String)]);
    expect(new Set(ids.map(({ operationId }) => operationId)).size).toBe(ids.length);
  });
});

async function snapshot() {
  const { db } = api.database;
  const order = await db.selectFrom('work_order').selectAll().where('tenant_id', '=', theirs.tenantId).execute();
  const insight = await db.selectFrom('insight').selectAll().where('tenant_id', '=', theirs.tenantId).execute();
  const override = await db.selectFrom('rule_override').selectAll().where('tenant_id', '=', theirs.tenantId).execute();
  return { order, insight, override };
}
