import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../src/platform/database.ts';
import { tallyOf } from '../src/work-orders/total-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let db: Db;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  db = api.database.db;
});
afterAll(() => api.close());

const statuses = ['open', 'in_progress', 'completed'] as const;
const priorities = ['low', 'high'] as const;

const counted = async (where: { siteIds: string[] | null; statuses: string[] | null; priorities: string[] | null }) => {
  let orders = db.selectFrom('work_order').where('tenant_id', '=', world.tenantId).where('deleted_at', 'is', null);
  if (where.siteIds !== null) orders = orders.where('site_id', 'in', where.siteIds);
  if (where.statuses !== null) orders = orders.where('status', 'in', where.statuses);
  if (where.priorities !== null) orders = orders.where('priority', 'in', where.priorities);
  const { count } = await orders.select((all) => all.fn.countAll().as('count')).executeTakeFirstOrThrow();
  return Number(count);
};

async function expectAllEqual() {
  for (const siteIds of [null, [], [world.campusId], [world.plantId, world.campusId]]) {
    for (const some of [null, ['open'], ['completed', 'open']]) {
      for (const which of [null, ['high']]) {
        const asked = { siteIds, statuses: some, priorities: which };
        const { count } = await tallyOf(db, { tenantId: world.tenantId, ...asked }).executeTakeFirstOrThrow();
        expect([asked, count]).toEqual([asked, await countedOrNone(asked)]);
      }
    }
  }
}

const countedOrNone = (asked: Parameters<typeof counted>[0]) => (asked.siteIds?.length === 0 ? 0 : counted(asked));

type Step =
  | { readonly kind: 'insert'; readonly count: number; readonly status: string; readonly priority: string }
  | { readonly kind: 'move'; readonly to: string }
  | { readonly kind: 'rank'; readonly to: string }
  | { readonly kind: 'site' | 'delete' | 'restore' | 'forget' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('insert' as const),
    count: fc.integer({ min: 0, max: 5 }),
    status: fc.constantFrom(...statuses),
    priority: fc.constantFrom(...priorities),
  }),
  fc.record({ kind: fc.constant('move' as const), to: fc.constantFrom(...statuses) }),
  fc.record({ kind: fc.constant('rank' as const), to: fc.constantFrom(...priorities) }),
  fc.record({ kind: fc.constantFrom('site' as const, 'delete' as const, 'restore' as const, 'forget' as const) }),
);

// Beyond those that the API counts.
let number = 1_000_000;

/** One statement each, on rows that are chosen by their ids, many at once. */
async function take(trx: Db, what: Step): Promise<void> {
  const half = sql<boolean>`id::text < '8'`;
  switch (what.kind) {
    case 'insert': {
      const rows = Array.from({ length: what.count }, () => ({
        id: randomUUID(),
        tenant_id: world.tenantId,
        site_id: world.campusId,
        number: ++number,
        title: 'x',
        status: what.status,
        priority: what.priority,
        type: 'reactive',
      }));
      if (rows.length > 0) await trx.insertInto('work_order').values(rows).execute();
      return;
    }
    case 'move':
      await trx.updateTable('work_order').set({ status: what.to }).where(half).execute();
      return;
    case 'rank':
      await trx.updateTable('work_order').set({ priority: what.to, title: 'y' }).where(half).execute();
      return;
    case 'site':
      await trx.updateTable('work_order').set({ site_id: world.plantId }).where(half).execute();
      return;
    case 'delete':
      await trx.updateTable('work_order').set({ deleted_at: new Date() }).where(half).execute();
      return;
    case 'restore':
      await trx.updateTable('work_order').set({ deleted_at: null }).execute();
      return;
    case 'forget':
      await trx.deleteFrom('work_order').where(sql<boolean>`id::text < '4'`).execute();
  }
}

test('the tally is what counting gives, whatever is done to work orders, and what is rolled back', async () => {
  const run = fc.record({ steps: fc.array(step, { maxLength: 8 }), isKept: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 3 }), async (runs) => {
      for (const { steps, isKept } of runs) {
        const work = db.transaction().execute(async (trx) => {
          for (const one of steps) await take(trx, one);
          if (!isKept) throw new Error('rolled back');
        });
        await work.catch((error: Error) => expect(error.message).toBe('rolled back'));
      }
      await expectAllEqual();
    }),
    { numRuns: 25 },
  );
  expect(number).toBeGreaterThan(1_000_020);
});

test('many writers at once wait for each other no more than before, and the tally stays short and right', async () => {
  const create = () => api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
  const made = await Promise.all(Array.from({ length: 60 }, create));
  const ids = made.map(({ json }) => json.data.id as string);
  const changes = ids.flatMap((id) =>
    ['in_progress', 'completed'].map((status) =>
      api.call('PATCH', `/api/v1/work-orders/${id}`, { key: world.key, body: { status } }),
    ),
  );
  for (const { status } of await Promise.all(changes)) expect(status).toBeOneOf([200, 409]);
  await expectAllEqual();
  for (let round = 0; round < 200; round += 1) {
    await db
      .updateTable('work_order')
      .set({ status: round % 2 ? 'open' : 'on_hold' })
      .where('id', '=', ids[0] ?? '')
      .execute();
  }
  await expectAllEqual();
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from work_order_tally`.execute(db);
  expect(rows[0]?.count).toBeLessThan(200);
});

test('totals of lists hold for the key that asks', async () => {
  const atPlant = await world.makeKey({ siteIds: [world.plantId] });
  const asked = { siteIds: [world.plantId], statuses: ['open'], priorities: null };
  const { json } = await api.call('GET', '/api/v1/work-orders?status=open&limit=1', { key: atPlant });
  expect(json.total).toBe(await counted(asked));
  const other = await makeWorld(api.database);
  expect((await api.call('GET', '/api/v1/work-orders', { key: other.key })).json.total).toBe(0);
});
