/** Whatever is sent to what changes points and their readings, it is never an error of ours. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { storeReadings } from './support/readings.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  const rows = Array.from({ length: 20 }, (_, i) => ({ time: new Date(1.77e12 + i * 60_000).toISOString(), value: i }));
  await storeReadings(api.database, world.seriesId, rows);
});
afterAll(() => api.close());

type Schema = { properties?: Record<string, object> };

const known = fc.constantFrom<unknown>(
  'degC',
  'degF',
  'K',
  'relabel',
  'convert',
  'learned',
  'good',
  'bad',
  true,
  0,
  1,
  -1,
  0.1,
  1e308,
  new Date(1.77e12).toISOString(),
  new Date(1.78e12).toISOString(),
  '-24h',
  'now',
  { On: 1, Off: 0 },
  { On: 2, Off: 0 },
  [{ time: new Date(1.77e12).toISOString(), value: 3 }],
  [{ time: new Date(1.77e12 + 60_000).toISOString(), remove: true }],
  'brick:AHU',
);
const hostile = fc.oneof(
  fc.constantFrom<unknown>('', '\0', '\ud800', 1e-320, -1e308, '9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z', null),
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 2 }),
);

const span = { start: '2026-01-01T00:00:00Z', end: '2027-01-01T00:00:00Z' };

test.each([
  ['PATCH', '', 'PointChange', [200], [{}]],
  [
    'POST',
    '/corrections',
    'CorrectionBody',
    [200, 201],
    [span, { ...span, offset: 0.1 }, { ...span, set: 1, dry_run: true }],
  ],
] as const)('%s /points/{id}%s', async (method, below, schema, fine, bases) => {
  const { components } = api.app.swagger() as unknown as { components: { schemas: Record<string, Schema> } };
  const names = Object.keys(components.schemas[schema]?.properties ?? {});
  expect(names.length).toBeGreaterThan(8);
  const value = fc.oneof({ weight: 3, arbitrary: known }, hostile);
  const body = fc
    .tuple(
      fc.constantFrom<object>(...bases),
      fc.record(Object.fromEntries(names.map((name) => [name, value]))),
      fc.subarray(names, { maxLength: 2 }),
    )
    .map(([base, all, some]) => ({
      reason: 'x',
      ...base,
      ...Object.fromEntries(Object.entries(all).filter(([name]) => some.includes(name))),
    }));
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(body, async (sent) => {
      const url = `/api/v1/points/${world.pointId}${below}`;
      const { status } = await api.call(method, url, { key: world.key, body: sent });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(status).toBeOneOf([...fine, 400, 409]);
    }),
    { numRuns: 400 },
  );
  expect(statuses.get(400)).toBeGreaterThan(50);
  expect(fine.reduce((sum, status) => sum + (statuses.get(status) ?? 0), 0)).toBeGreaterThan(20);
});
