/** The list of insights: filters, orders, search, ranges, and what is shown along with it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertInsight } from '../src/insights/apply-store.ts';
import { openForInsight } from '../src/work-orders/open-for-insight.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

type Given = { body?: object; status?: number; key?: string; headers?: Record<string, string> };

const ask = async (method: string, path: string, { body, status = 200, key = world.key, headers }: Given = {}) => {
  const reply = await api.call(method, `/api/v1/${path}`, { key, ...(body && { body }), ...(headers && { headers }) });
  expect([path, reply.status, reply.json?.message]).toEqual([path, status, reply.json?.message]);
  return reply.json?.data ?? reply.json;
};
const raise = (body: object, status = 201) =>
  ask('POST', 'insights', { body: { title: 'It rattles', ...body }, status });

describe('the list', () => {
  test('filters by several statuses, sorts by severity and cost, searches, and takes ranges', async () => {
    const source = { equipment_uri: `urn:${randomUUID()}` };
    const cheap = await raise({
      ...source,
      title: 'Alpha valve leaks',
      severity: 'critical',
      estimated_cost_per_day: 1,
    });
    const dear = await raise({ ...source, title: 'Beta fan stuck', severity: 'info', estimated_cost_per_day: 20 });
    const ended = await raise({ ...source, title: 'Gamma valve', severity: 'warning' });
    await ask('POST', `insights/${ended.id}/resolve`, { body: {} });
    const found = async (query: string) => {
      const of = `equipment_uri=${encodeURIComponent(source.equipment_uri)}&${query}`;
      const { json } = await api.call('GET', `/api/v1/insights?${of}`, { key: world.key });
      expect(json.total).toBe(json.data.length);
      return json.data.map(({ title }: { title: string }) => title.split(' ')[0]);
    };
    expect(await found('sort=-severity')).toEqual(['Alpha', 'Gamma', 'Beta']);
    expect(await found('sort=-estimated_cost_per_day')).toEqual(['Beta', 'Alpha', 'Gamma']);
    expect(await found('status=open,in_progress&sort=title')).toEqual(['Alpha', 'Beta']);
    expect(await found('status=resolved')).toEqual(['Gamma']);
    expect(await found('q=valve&sort=title')).toEqual(['Alpha', 'Gamma']);
    expect(await found('estimated_cost_per_day[gte]=20')).toEqual(['Beta']);
    expect(await found(`created_at[gt]=${ended.created_at}`)).toEqual([]);
    expect([cheap.status, dear.status]).toEqual(['open', 'open']);
    const refused = await api.call('GET', '/api/v1/insights?status=open,closed', { key: world.key });
    expect(refused.status).toBe(400);
  });

  test('shows equipment and site along with each, to who may see them', async () => {
    const id = await world.makeInsight();
    const path = `/api/v1/insights/${id}?expand=asset,site`;
    const { json } = await api.call('GET', path, { key: world.key });
    expect(json.data.expanded).toMatchObject({ asset: { id: world.ahuId }, site: { slug: 'ucl-east-campus' } });
    await ask('PATCH', `insights/${id}`, { body: { assignee: world.alexId } });
    const whose = await api.call('GET', `/api/v1/insights/${id}?expand=assignee`, { key: world.key });
    expect(whose.json.data.expanded).toMatchObject({ assignee: { id: world.alexId, username: 'alex' } });
    const narrow = await world.makeKey({ scopes: ['insights:read'] });
    expect((await api.call('GET', path, { key: narrow })).status).toBe(403);
    const all = await api.call('GET', '/api/v1/insights?expand=asset&limit=3', { key: world.key });
    for (const { asset_id, expanded } of all.json.data) expect(expanded.asset?.id ?? null).toBe(asset_id);
  });
});

test('a rule whose cost and whose title are beyond all measure has its insight and its work order all the same', async () => {
  const { tenantId, campusId: siteId, ahuId: assetId } = world;
  const owner = { tenantId, siteId, name: 'AHU-01', uri: `${world.base}#AHU-01`, locationUri: '' };
  const finding: Parameters<typeof insertInsight>[1]['finding'] = {
    ...{
      kind: 'opened',
      ruleId: 'costly',
      ruleVersion: 1,
      assetId,
      at: 0,
      startedAt: 0,
      openedAt: 0,
      suppressedBy: null,
    },
    ...{ severity: 'critical', category: 'energy', title: 'Costly', message: 'It is.', isShadow: false },
    ...{ evidence: [], causes: [], actions: [], costPerHour: 1e308 },
  };
  const title = randomBytes(4_000).toString('hex');
  const request = { type: 'corrective', priority: 'high', category: '', dueAt: null, assign: null, title } as const;
  const id = randomUUID();
  await api.database.db.transaction().execute(async (trx) => {
    await insertInsight(trx, { id, owner, finding });
    await openForInsight(trx, { id, assetId, ruleId: 'costly', ...owner }, { ...request, description: '' });
  });
  const insight = await ask('GET', `insights/${id}`);
  expect(insight).toMatchObject({ title: 'Costly', estimated_cost_per_day: null });
  expect(await ask('GET', `work-orders/${insight.work_order_ids[0]}`)).toMatchObject({ title: title.slice(0, 500) });
});
