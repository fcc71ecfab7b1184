import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let orderId: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  const made = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
  orderId = made.json.data.id;
});
afterAll(() => api.close());

type Schema = { type?: string; enum?: string[]; anyOf?: Schema[]; properties?: Record<string, Schema> };

test('bodies of right and wrong values in any combination are never an error of ours, and every answer is as documented', async () => {
  const { components } = api.app.swagger() as unknown as { components: { schemas: Record<string, Schema> } };
  const properties = components.schemas.WorkOrderChange?.properties ?? {};
  const insight = await world.makeInsight();
  const known = [
    world.ahuId,
    world.chillerId,
    world.alexId,
    orderId,
    insight,
    '2026-04-15',
    '2026-03-17T17:00:00Z',
    'open',
    'completed',
  ];
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...known) },
    fc.constantFrom(
      '',
      ' ',
      '\0',
      '\ud800',
      '9999-12-31',
      '9999-12-31T23:59:59Z',
      '1900-01-01T00:00:00+23:59',
      'x'.repeat(600),
    ),
    fc.string({ unit: 'binary' }),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const names = Object.keys(properties);
  expect(names.length).toBeGreaterThan(15);
  const ofEnum = (name: string) =>
    properties[name]?.enum ? fc.oneof(fc.constantFrom(...properties[name].enum), value) : value;
  const body = fc.record(Object.fromEntries(names.map((name) => [name, ofEnum(name)])), { requiredKeys: [] });
  // Few properties at once, or nearly no body would be right.
  const few = fc.tuple(body, fc.subarray(names, { maxLength: 3 })).map(([all, some]) => ({
    title: 'x',
    ...Object.fromEntries(Object.entries(all).filter(([name]) => some.includes(name))),
  }));
  const site = '/api/v1/sites/ucl-east-campus/work-orders/';
  const target = fc.constantFrom(
    ['POST', '/api/v1/work-orders'],
    ['POST', site],
    ['PATCH', `/api/v1/work-orders/${orderId}`],
    ['PATCH', `${site}${orderId}/`],
  );
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(target, few, async ([method = '', url = ''], sent) => {
      const { status } = await api.call(method, url, { key: world.key, body: sent });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // A random change may ask for a signature, and a later one find it missing.
      expect(status).toBeOneOf([200, 201, 400, 404, 409]);
    }),
    { numRuns: 600 },
  );
  // Both kinds must have come up in numbers, or the test has shown little.
  expect(statuses.get(400)).toBeGreaterThan(100);
  expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0)).toBeGreaterThan(60);
});
