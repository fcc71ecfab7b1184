/** Changes of work orders at the same moment: one winner, the right codes for the rest, and nobody waits for ever. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockInsights } from '../src/insights/insight-event-store.ts';
import { noteOnWorkOrders } from '../src/work-orders/note-store.ts';
import { openForInsight } from '../src/work-orders/open-for-insight.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { countDeadlocks } from './support/deadlocks.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';
const send = (body: object) => api.call('POST', path, { key: world.key, body: { title: 'x', ...body } });
const create = async (body: object = {}) => (await send(body)).json.data;
const act = (id: string, action: string) => api.call('POST', `${path}/${id}/${action}`, { key: world.key });
const count = (statuses: readonly number[]) =>
  Object.fromEntries([...Map.groupBy(statuses, (status) => status)].map(([status, all]) => [status, all.length]));

test.each([
  ['that an insight led to', true],
  ['of its own', false],
])(
  'of 50 completions of one work order %s at once, one wins, and the rest are told that it has ended',
  async (_, linked) => {
    const { id } = await create(linked ? { insight: await world.makeInsight() } : {});
    const replies = await Promise.all(Array.from({ length: 50 }, () => act(id, 'complete')));
    expect(count(replies.map(({ status }) => status))).toEqual({ 200: 1, 409: 49 });
    expect(new Set(replies.flatMap(({ json }) => json.error ?? []))).toEqual(new Set(['work_order_ended']));
    const told = await api.database.db
      .selectFrom('event')
      .select('type')
      .where('subject_id', '=', id)
      .where('type', '=', 'work_order.completed')
      .execute();
    expect(told).toHaveLength(1);
  },
);

test('of two changes with one ETag, one wins, and the other is told 412 with the present one', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { id } = await create();
    const { headers } = await api.call('GET', `${path}/${id}`, { key: world.key });
    const changeTo = (title: string) =>
      api.call('PATCH', `${path}/${id}`, {
        key: world.key,
        body: { title },
        headers: { 'if-match': String(headers.etag) },
      });
    const replies = await Promise.all([changeTo('a'), changeTo('b')]);
    expect(count(replies.map(({ status }) => status))).toEqual({ 200: 1, 412: 1 });
    const winner = replies.find(({ status }) => status === 200);
    const loser = replies.find(({ status }) => status === 412);
    expect(loser?.headers.etag).toBe(winner?.headers.etag);
  }
});

test('starts, holds and completions at once leave what the last of them says, and every answer is 200 or 409', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { id } = await create();
    const actions = Array.from({ length: 24 }, (_, index) => ['start', 'hold', 'complete', 'reopen'][index % 4] ?? '');
    const replies = await Promise.all(actions.map((action) => act(id, action)));
    expect(replies.every(({ status }) => status === 200 || status === 409)).toBe(true);
    const events = await api.database.db
      .selectFrom('event')
      .select(['changes'])
      .where('subject_id', '=', id)
      .orderBy('id')
      .execute();
    // Each change begins where the one before it ended.
    const moves = events
      .flatMap(({ changes }) => changes as { field: string; from: string; to: string }[])
      .filter(({ field }) => field === 'status');
    expect(moves.map(({ from }) => from)).toEqual(['open', ...moves.map(({ to }) => to)].slice(0, moves.length));
    expect(moves).toHaveLength(replies.filter(({ status }) => status === 200).length);
  }
});

test('rules, creations, completions, links and bulk changes about the same insights never wait for each other for ever', async () => {
  for (let round = 0; round < 4; round += 1) await actOnInsights();
  expect(await countDeadlocks(api.database)).toBe(0);
});

test('a sub-task that is made, or moved, while its parent is deleted stands by itself or is refused', async () => {
  const remove = (id: string) => api.call('DELETE', `${path}/${id}`, { key: world.key });
  for (let round = 0; round < 6; round += 1) {
    const [parent, insight] = [await create(), await world.makeInsight()];
    const others = await Promise.all([create(), create({ insight })]);
    const replies = await Promise.all([
      ...others.map(({ id }) => api.call('PATCH', `${path}/${id}`, { key: world.key, body: { parent: parent.id } })),
      ...[{}, { insight }, {}, {}].map((more) => send({ parent: parent.id, ...more })),
      remove(parent.id),
    ]);
    expect(replies.map(({ status }) => status).filter((status) => ![200, 201, 204, 400].includes(status))).toEqual([]);
    const made = [...others, ...replies.flatMap(({ json }) => json?.data ?? [])];
    const shown = await Promise.all(made.map(({ id }) => api.call('GET', `${path}/${id}`, { key: world.key })));
    expect(new Set(shown.map(({ json }) => json.data.parent))).toEqual(new Set([null]));
  }
  expect(await countDeadlocks(api.database)).toBe(0);
});

async function actOnInsights(): Promise<void> {
  const insights = [await world.makeInsight(), await world.makeInsight(), await world.makeInsight()];
  const orders = await Promise.all(insights.flatMap((insight) => [create({ insight }), create({ insight })]));
  const unlinked = await Promise.all(insights.map(() => create()));
  const ids: string[] = [...unlinked, ...orders].map(({ id }) => id);
  const linkAndComplete = ({ id }: { id: string }, index: number) =>
    api.call('PATCH', `${path}/${id}`, { key: world.key, body: { insight: insights[index], status: 'completed' } });
  const bulk = (action: string, some: readonly string[]) =>
    api.call('POST', `${path}/bulk`, { key: world.key, body: { action, ids: some } });
  const unlink = (id: string) => api.call('PATCH', `${path}/${id}`, { key: world.key, body: { insight: null } });
  const asRule = () => Promise.all(insights.map((insight, index) => actAsRule(insight, `round ${index}`)));
  const [, ...replies] = await Promise.all([
    asRule(),
    ...unlinked.map(linkAndComplete),
    bulk('complete', ids),
    bulk('start', [...ids].reverse()),
    ...ids.map((id) => act(id, 'complete')),
    bulk('reopen', [...ids].reverse()),
    ...insights.map((insight) => send({ insight })),
    ...ids.map(unlink),
  ]);
  await asRule();
  expect(replies.map(({ status }) => status).filter((status) => status >= 500)).toEqual([]);
  const byRule = await api.database.db
    .selectFrom('work_order')
    .select('id')
    .where('insight_id', 'in', insights)
    .where('source', '=', 'rule')
    .execute();
  expect(byRule).toHaveLength(insights.length);
}

/** As a shard does it: the insight is held, its work order opened, and a note written on those that it has. */
function actAsRule(id: string, note: string) {
  return api.database.db.transaction().execute(async (trx) => {
    await lockInsights(trx, { ids: [id] });
    const { tenantId, campusId: siteId, ahuId: assetId } = world;
    const insight = { id, tenantId, siteId, assetId, ruleId: 'r', name: 'x', uri: '', locationUri: '' };
    const request = { type: 'corrective', priority: 'high', category: '', dueAt: null, assign: null } as const;
    await openForInsight(trx, insight, { ...request, title: 'x', description: '' });
    await noteOnWorkOrders(trx, [id], note);
  });
}
