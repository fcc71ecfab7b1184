import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary, minuteMs, storeReadings, warmText } from './support/api-rules.ts';

let api: TestApi;
let world: World;
let other: World;
const startMs = Date.UTC(2026, 0, 5);
// An hour of 16 degrees, an hour of 20, and two of 15.
const values = [...Array(60).fill(16), ...Array(60).fill(20), ...Array(120).fill(15)];
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
  await classifyEquipment(api, world);
  await classifyEquipment(api, other);
  await deployLibrary(api);
  await storeReadings(api, world, startMs, values);
});
afterAll(() => api.close());

const instant = (minutes: number) => new Date(startMs + minutes * minuteMs).toISOString().replace('.000', '');
const span = { from: instant(0), to: instant(240) };
type Options = { key?: string; rule?: string; headers?: Record<string, string>; at?: string };
const run = (body: object, { key = world.key, rule = 'sat-warm', headers = {}, at = '' }: Options = {}) =>
  api.call('POST', `/api/v1${at}/rules/${rule}/test`, { key, body, headers });
const ofAhu = (more: object = {}) => run({ ...span, asset_id: world.ahuId, ...more });

describe('a dry run', () => {
  test('tells the insights that the rule would have opened, and what it saw', async () => {
    const { status, json } = await ofAhu();
    expect([status, json.data]).toMatchObject([
      200,
      {
        rule_id: 'sat-warm',
        version: 2,
        ...span,
        // The mean of five minutes passes 18 with the third of 20 degrees, and is 18 again with the second of 15.
        insights: [
          {
            asset_id: world.ahuId,
            asset: 'AHU-01',
            since: instant(62),
            opened_at: instant(72),
            cleared_at: instant(126),
            work_order: true,
            suppressed_by: null,
            episodes: 1,
            message: 'Supply air is at 20.0 °C',
          },
        ],
        totals: { insights: 1, episodes: 1, hours_in_fault: 0.9, work_orders: 1 },
        series_omitted: 0,
        missing: [],
      },
    ]);
    const [series] = json.data.series;
    const named = Object.fromEntries(series.values.map((one: { name: string }) => [one.name, one]));
    expect(Object.keys(named)).toEqual(['sat', 'excess', "avg(sat, '5m')"]);
    expect([named.sat.kind, named.excess.kind, named["avg(sat, '5m')"].kind]).toEqual(['input', 'let', 'window']);
    const at = series.times.indexOf(instant(62));
    expect([series.step_s, series.times.length]).toEqual([60, 241]);
    expect([named.sat.values[at], named.sat.unit, named.excess.values[at], named["avg(sat, '5m')"].values[at]]).toEqual(
      [20, 'degC', 2, 18.4],
    );
    expect([at - 1, at, at + 10].map((tick) => series.condition[tick])).toEqual(['false', 'true', 'true']);
    expect([at - 1, at, at + 10, at + 60, at + 65].map((tick) => series.state[tick])).toEqual([
      'normal',
      'pending',
      'firing',
      'clearing',
      'normal',
    ]);
    expect([series.clearing[at - 3], series.clearing[at], series.suspended[at]]).toEqual(['true', 'false', false]);
  });

  test('a long span is told in wide steps that keep what happened in them', async () => {
    const [series] = (await ofAhu({ steps: 4 })).json.data.series;
    expect([series.step_s, series.times]).toEqual([61 * 60, [instant(0), instant(61), instant(122), instant(183)]]);
    expect(series.state).toEqual(['normal', 'firing', 'clearing', 'normal']);
    expect(series.condition).toEqual(['unknown', 'true', 'false', 'false']);
    expect([series.values[0].least, series.values[0].greatest]).toEqual([
      [16, 15, 15, 15],
      [20, 20, 15, 15],
    ]);
  });

  test('a year of one rule on one unit is answered', async () => {
    const { status, json } = await ofAhu({ from: '2025-10-01T00:00:00Z', to: '2026-10-01T00:00:00Z' });
    expect([status, json.data?.totals.insights, json.data?.series[0].times.length]).toEqual([200, 1, 500]);
  });

  test('what is not over yet is no past: a span ends at the last tick that is over, and begins before it', async () => {
    const now = Date.now();
    const at = (minutes: number) => new Date(now + minutes * minuteMs).toISOString();
    const { status, json } = await ofAhu({ from: at(-60), to: at(60 * 24 * 10) });
    expect([status, json.data.from]).toEqual([200, at(-60)]);
    expect(Date.parse(json.data.to)).toBeLessThan(Date.now());
    expect(Date.parse(json.data.to)).toBeGreaterThan(now - minuteMs);
    expect(json.data.series[0].times.at(-1) <= json.data.to).toBe(true);
    expect(await ofAhu({ from: at(60), to: at(120) })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/from', code: 'in_future' }] },
    });
  });

  test('parameters are those of the run, within the bounds of the rule', async () => {
    expect((await ofAhu({ params: { limit: 25 } })).json.data.totals.insights).toBe(0);
    expect(await ofAhu({ params: { limit: 50 } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/params/limit', code: 'out_of_bounds', message: 'limit = 50 is outside 10..30' }] },
    });
  });

  test('the text of a rule runs instead of the deployed one, and so does that of a new rule', async () => {
    const strict = warmText.replace('for: 10m', 'for: 100m');
    expect((await ofAhu({ text: strict })).json.data.totals.insights).toBe(0);
    const fresh = await run(
      { ...span, asset_id: world.ahuId, text: warmText.replace('sat-warm', 'brand-new') },
      { rule: 'brand-new' },
    );
    expect([fresh.status, fresh.json.data.totals.insights]).toEqual([200, 1]);
    expect((await api.call('GET', '/api/v1/rules/brand-new', { key: world.key })).status).toBe(404);
  });

  test.each([
    [
      'a mistake',
      warmText.replace('sat - limit', 'sta - limit'),
      "line 11, column 16: let.excess: Unknown variable: sta; did you mean 'sat'?",
    ],
    ['another id', warmText.replace('sat-warm', 'other'), "it is the text of the rule 'other', and not of 'sat-warm'"],
    ['no rule', 'just: words', undefined],
    ['no YAML', 'rule: [', undefined],
  ])('a text with %s is refused with its place', async (_, text, message) => {
    const { status, json } = await ofAhu({ text });
    expect([status, json.errors[0].pointer]).toEqual([400, '/text']);
    if (message !== undefined) expect(json.errors[0].message).toBe(message);
  });

  test('it counts as switched on, whatever overrides say, and its own overrides hold otherwise', async () => {
    const reason = 'A trial.';
    const made = [
      await api.call('POST', '/api/v1/rules/sat-warm/disable', { key: world.key, body: { reason } }),
      await api.call('POST', '/api/v1/rule-overrides', {
        key: world.key,
        body: { rule_id: 'sat-warm', params: { limit: 25 }, reason },
      }),
    ];
    expect((await ofAhu()).json.data.totals).toMatchObject({ insights: 1, work_orders: 1 });
    for (const { json } of made) await api.call('DELETE', `/api/v1/rule-overrides/${json.data.id}`, { key: world.key });
  });

  test('over a site it tells of all equipment there, and what is missing where the rule cannot run', async () => {
    expect((await run({ ...span, site: 'ucl-east-campus' })).json.data.totals.insights).toBe(1);
    expect((await run(span, { at: '/sites/ucl-east-campus' })).json.totals.insights).toBe(1);
    const fan = (await run({ ...span, site: 'ucl-east-campus' }, { rule: 'fan-at-night' })).json.data;
    expect([fan.series, fan.missing.map(({ input }: { input: string }) => input)]).toEqual([[], ['fan', 'hours']]);
    expect((await run(span, { at: '/sites/plant' })).json).toMatchObject({ insights: [], series: [] });
  });

  test('the same Idempotency-Key gives the first answer again', async () => {
    const body = { ...span, asset_id: world.ahuId };
    const first = await run(body, { headers: { 'idempotency-key': 'dry' } });
    const again = await run(body, { headers: { 'idempotency-key': 'dry' } });
    expect([again.text, again.headers['idempotent-replayed']]).toEqual([first.text, 'true']);
    expect(await run({ ...body, steps: 3 }, { headers: { 'idempotency-key': 'dry' } })).toMatchObject({ status: 422 });
  });

  test('two at once of one tenant: the second is told to wait', async () => {
    const replies = await Promise.all([ofAhu(), ofAhu()]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 503]);
    expect(replies.find(({ status }) => status === 503)).toMatchObject({
      json: { error: 'dry_run_busy' },
      headers: { 'retry-after': '5' },
    });
    expect((await ofAhu()).status).toBe(200);
  });
});

describe('what a dry run refuses', () => {
  const cases: [string, object, object][] = [
    ['neither asset nor site', {}, { pointer: '/asset_id', code: 'required' }],
    ['both', { asset_id: 'AHU', site: 'plant' }, { pointer: '/site', code: 'conflict' }],
    [
      'an end before the beginning',
      { site: 'plant', from: span.to, to: span.from },
      { pointer: '/to', code: 'conflict' },
    ],
    ['more than a year', { site: 'plant', to: '2028-01-05T00:00:00Z' }, { pointer: '/to', code: 'too_long' }],
    ['no instants', { site: 'plant', from: 'yesterday' }, { pointer: '/from' }],
    ['no such site', { site: 'nowhere' }, { pointer: '/site', code: 'not_found' }],
    ['an asset without a class', { asset_id: 'chiller' }, { pointer: '/asset_id', code: 'no_class' }],
    ['too many steps', { site: 'plant', steps: 100_000 }, { pointer: '/steps' }],
    ['a text that is too long', { site: 'plant', text: 'x'.repeat(70_000) }, { pointer: '/text', code: 'too_long' }],
  ];
  test.each(cases)('%s', async (_, body, error) => {
    const ids: Record<string, string> = { AHU: world.ahuId, chiller: world.chillerId };
    const named = { ...span, ...body } as { asset_id?: string };
    if (named.asset_id !== undefined) named.asset_id = ids[named.asset_id] ?? '';
    expect(await run(named)).toMatchObject({ status: 400, json: { errors: [error] } });
  });

  test('an asset without a class whose points are expected to report', async () => {
    const point = { tenant_id: world.tenantId, asset_id: world.chillerId, name: 'power', expected_interval_ms: 60_000 };
    await api.database.db
      .insertInto('point')
      .values({ id: newId(), ...point })
      .execute();
    const error = { pointer: '/asset_id', code: 'no_class' };
    expect(await run({ ...span, asset_id: world.chillerId })).toMatchObject({ status: 400, json: { errors: [error] } });
  });

  test('a rule for other equipment', async () => {
    expect(await run({ ...span, asset_id: world.ahuId }, { rule: 'pump-hot' })).toMatchObject({
      status: 400,
      json: {
        errors: [
          { pointer: '/asset_id', code: 'other_class', message: 'the rule is for brick:Pump, which the asset is not' },
        ],
      },
    });
  });

  test('an unknown rule without a text', async () => {
    expect(await run({ ...span, site: 'plant' }, { rule: 'sat-wram' })).toMatchObject({
      status: 404,
      json: { error: 'rule_not_found' },
    });
  });

  test("another tenant's equipment, and that of sites beyond the key, as if it were not there", async () => {
    const body = { ...span, asset_id: world.ahuId };
    const foreign = await run(body, { key: other.key });
    expect(foreign).toMatchObject({ status: 400, json: { errors: [{ pointer: '/asset_id', code: 'not_found' }] } });
    const limited = await world.makeKey({ siteIds: [world.plantId] });
    expect(await run(body, { key: limited })).toMatchObject({ status: 400 });
    expect((await run({ ...span, site: 'ucl-east-campus' }, { key: limited })).status).toBe(403);
    const theirs = await run({ ...span, site: 'ucl-east-campus' }, { key: other.key });
    expect(theirs.json.data.totals.insights).toBe(0);
    expect(theirs.text).not.toContain(world.ahuId);
  });

  test('a key that may read rules and not points', async () => {
    const key = await world.makeKey({ scopes: ['rules:read', 'rules:write'] });
    expect(await run({ ...span, site: 'plant' }, { key })).toMatchObject({
      status: 403,
      json: { error: 'scope_missing' },
    });
  });
});
