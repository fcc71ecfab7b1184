/** What a rule's text, a span or an id can try on the server: each ends with an answer, in bounded time, and harms nobody. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary, minuteMs, storeReadings, warmText } from './support/api-rules.ts';

let api: TestApi;
let world: World;
const startMs = Date.UTC(2026, 0, 5);
const limits = { msMax: 8_000, evaluationsMax: 1_200_000, readingsMax: 3_000, memoryMbMax: 160 };
beforeAll(async () => {
  api = await startTestApi({ dryRunLimits: limits });
  world = await makeWorld(api.database);
  await classifyEquipment(api, world);
  await deployLibrary(api);
  await storeReadings(api, world, startMs, Array(1_500).fill(20));
});
afterAll(() => api.close());

const day = { from: '2026-01-05T00:00:00Z', to: '2026-01-06T00:00:00Z' };
const year = { from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' };
const run = (body: object, rule = 'sat-warm') =>
  api.call('POST', `/api/v1/rules/${rule}/test`, { key: world.key, body: { ...day, asset_id: world.ahuId, ...body } });
const withWhen = (when: string) => warmText.replace("avg(sat, '5m') > limit", when);

describe('texts', () => {
  const laughs = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`);
  const texts: [string, string][] = [
    [
      'aliases of aliases that would fill the memory',
      `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${laughs.join('\n')}\n${warmText}`,
    ],
    ['an alias to itself', `rule: sat-warm\ntags: &a [*a]\n`],
    ['brackets within brackets, thirty thousand deep', `rule: ${'['.repeat(30_000)}`],
    ['an expression of nested parentheses', withWhen(`${'('.repeat(5_000)}sat${')'.repeat(5_000)} > 1`)],
    ['an expression of ten thousand terms', withWhen(`${Array(10_000).fill('sat').join(' + ')} > 1`)],
    ['a window longer than a month', withWhen("avg(sat, '32d') > limit")],
    ['a window that never ends', withWhen("avg(sat, '999999999999d') > limit")],
    [
      'hundreds of windows',
      withWhen(Array.from({ length: 300 }, (_, i) => `avg(sat, '${i + 1}m') > 1.0`).join(' && ')),
    ],
    ['names of a prototype', warmText.replace('limit: {', '__proto__: {')],
    ['code in an expression', withWhen('process.exit(1) > 1')],
    ['code in the name of an input', warmText.replaceAll('sat:', '"x];process.exit(1);//":')],
    ['a step of nothing', warmText.replace('inputs:', 'every: 0s\ninputs:')],
    ['a step of a fraction of a millisecond', warmText.replace('inputs:', 'every: 0.0001ms\ninputs:')],
    ['a tag of YAML for code', `!!js/function 'x'\n---\n${warmText}`],
    ['nothing but blanks', ' \n \n'],
    ['control characters', `rule: sat-warm\nwhen: "\u0007"\n`],
  ];
  test.each(texts)('%s: refused at its text', async (_, text) => {
    const { status, json } = await run({ text });
    expect([status, json.errors?.[0]?.pointer]).toEqual([400, '/text']);
  });

  test('many mistakes are told in an answer of bounded size', async () => {
    const text = `${warmText}${Array.from({ length: 2_000 }, (_, i) => `unknown_${i}: 1`).join('\n')}\n`;
    const { status, json } = await run({ text });
    expect(status).toBe(400);
    expect(json.errors.length).toBeGreaterThan(10);
    expect(json.errors.length).toBeLessThanOrEqual(100);
  });

  test('a body beyond the limit is refused before it is read', async () => {
    expect((await run({ text: 'x'.repeat(2_000_000) })).status).toBe(413);
  });
});

describe('spans', () => {
  test('more evaluations than the limit are refused with what would do', async () => {
    const made = Array.from({ length: 3 }, (_, i) => {
      const name = `AHU-1${i}`;
      return {
        id: newId(),
        tenant_id: world.tenantId,
        site_id: world.campusId,
        name,
        uri: `urn:${name}`,
        class: 'brick:AHU',
        shard: 0,
      };
    });
    await api.database.db.insertInto('asset').values(made).execute();
    const sensor = {
      tenant_id: world.tenantId,
      name: 'sat',
      class: 'brick:Supply_Air_Temperature_Sensor',
      unit: 'degC',
    };
    const points = made.map(({ id }) => ({ id: newId(), asset_id: id, ...sensor }));
    await api.database.db.insertInto('point').values(points).execute();
    const { status, json } = await run({ ...year, asset_id: undefined, site: 'ucl-east-campus' });
    expect([status, json]).toMatchObject([
      422,
      { error: 'dry_run_too_large', detail: expect.stringContaining('ask for a shorter span or for one asset') },
    ]);
  });

  test('more readings than the limit are refused', async () => {
    await storeReadings(api, world, startMs + 1_500 * minuteMs, Array(2_000).fill(20));
    expect(await run(year)).toMatchObject({ status: 422, json: { error: 'dry_run_too_large' } });
  });

  test('one that takes too long is ended, and meanwhile the server answers others', async () => {
    const windows = Array.from({ length: 18 }, (_, i) => `w${i}: stddev(sat, '${31 * 1_440 - i}m')`).join('\n  ');
    const text = warmText
      .replace('let: { excess: sat - limit }', `let:\n  excess: sat - limit\n  ${windows}`)
      .replace('for: 10m', 'for: 31d');
    const order: string[] = [];
    const slow = run({ ...day, to: '2026-12-01T00:00:00Z', from: '2026-03-01T00:00:00Z', text }).then((reply) => {
      order.push('dry run');
      return reply;
    });
    const others = Array.from({ length: 5 }, async () => {
      expect((await api.call('GET', '/api/v1/rules', { key: world.key })).status).toBe(200);
      order.push('others');
    });
    const [reply] = await Promise.all([slow, ...others]);
    expect(reply).toMatchObject({
      status: 422,
      json: { error: 'dry_run_too_large', detail: expect.stringContaining('longer than 8 s') },
    });
    expect(order.at(-1)).toBe('dry run');
    expect((await run({})).status).toBe(200);
  });
});

describe('ids', () => {
  test.each(['..%2F..%2Fetc%2Fpasswd', 'sat-warm%00', '%2F', 'x'.repeat(150), 'sat%20warm', '*', '%F0%9F%98%80'])(
    '%s',
    async (id) => {
      for (const below of ['/test', '/disable']) {
        const body = below === '/test' ? { ...day, asset_id: world.ahuId } : { reason: 'x' };
        const { status } = await api.call('POST', `/api/v1/rules/${id}${below}`, { key: world.key, body });
        expect([400, 404]).toContain(status);
      }
    },
  );

  test('a new rule with an id that no file could have is refused', async () => {
    const text = warmText.replace('sat-warm', '../../evil');
    expect(await run({ text }, '..%2F..%2Fevil')).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/text' }] },
    });
  });
});
