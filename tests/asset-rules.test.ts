/** What people change of equipment over the API reaches the rules at their next tick, as an import of a model does. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApiKey } from '../src/access/store.ts';
import { listNamedPoints, type PointRef } from '../src/assets/point-store.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import { findModelVersion } from '../src/rules/live/store.ts';
import { startTestApi, type TestApi } from './support/api.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

const hot = `rule: pump-hot
version: 1
title: Pump too hot
applies_to: { class: brick:Pump }
every: 1m
inputs: { t: { class: faultline:Bearing_Temperature_Sensor, unit: degC } }
when: t > 80
for: 2m
clear_for: 10m
severity: critical
category: fault
`;
const shaky = `rule: pump-shaky
version: 1
title: Pump shakes
applies_to: { class: brick:Pump }
every: 1m
inputs: { v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s } }
when: v > 7
for: 2m
clear_for: 10m
severity: warning
category: fault
suppressed_by: [pump-hot]
`;

let plant: RulePlant;
let api: TestApi;
let key: string;
let startMs: number;
let count = 0;
const { rules, errors } = buildRuleSet([
  { file: 'hot.yaml', text: hot },
  { file: 'shaky.yaml', text: shaky },
]);
beforeAll(async () => {
  expect(errors).toEqual([]);
  api = await startTestApi();
  plant = await openRulePlant({ database: api.database });
  const made = await createApiKey(plant.database.db, {
    tenantId: plant.site.tenantId,
    name: 'all',
    scopes: ['read', 'write'],
    rateLimitPerMinute: null,
  });
  key = made.secret;
});
afterAll(async () => {
  await plant.close();
  await api.close();
});
beforeEach(() => {
  count += 1;
  startMs = Math.floor(Date.now() / minuteMs - 60) * minuteMs;
});

async function call(method: string, path: string, body?: unknown) {
  const reply = await api.call(method, `/api/v1${path}`, { key, ...(body === undefined ? {} : { body }) });
  expect([method, path, reply.status < 300 ? '' : reply.text]).toEqual([method, path, '']);
  return reply.json?.data;
}

/** A pump that a person makes, with one point. */
async function makePump(name: string, point: 'bearing_temp' | 'vibration', more: object = {}) {
  const asset = await call('POST', '/assets', { name: `${name}-${count}`, class: 'brick:Pump', ...more });
  const kinds = {
    bearing_temp: { class: 'faultline:Bearing_Temperature_Sensor', unit: 'degC' },
    vibration: { class: 'faultline:Vibration_Velocity_Sensor', unit: 'mm/s' },
  };
  await call('POST', '/points', { asset_id: asset.id, name: point, ...kinds[point] });
  const [found] = await listNamedPoints(plant.database.db, { site: plant.site, names: [{ asset: asset.name, point }] });
  if (!found) throw new Error('the point was not made');
  return { id: asset.id as string, point: found.ref };
}

async function send(point: PointRef, value: number, from: number, through: number) {
  const minutes = Array.from({ length: through - from + 1 }, (_, i) => from + i);
  const timeOf = (minute: number) => startMs + minute * minuteMs - 50_000;
  await plant.append(minutes.map((minute) => ({ point, timeMs: timeOf(minute), value, quality: 'good' as const })));
}

/** Evaluates every tick through now: with a runner that goes on, what it remembers must be found to be out of date. */
const runner = () => plant.openRunner(rules);
async function advance(kept = runner()) {
  while ((await kept.advance(plant.site.shard)).isBehind);
}
/** The shard stands at the beginning of the hour, from where readings are evaluated. */
const rewind = () =>
  plant.database.db
    .updateTable('rule_shard')
    .set({ tick_at: new Date(startMs), snapshot: null })
    .where('shard', '=', plant.site.shard)
    .execute();
const insightsOf = (id: string) =>
  plant.database.db
    .selectFrom('insight')
    .select(['rule_id', 'status', 'suppressed_by', 'ended_because'])
    .where('asset_id', '=', id)
    .where('rule_id', 'in', ['pump-hot', 'pump-shaky'])
    .orderBy('rule_id')
    .execute();

describe('a real tick', () => {
  test('a retired asset has no rules: what was open ends, and nothing opens; taken back into service it has them again', async () => {
    const { id, point } = await makePump('retired', 'vibration');
    await send(point, 9, 0, 60);
    await rewind();
    const kept = runner();
    await advance(kept);
    expect(await insightsOf(id)).toMatchObject([{ rule_id: 'pump-shaky', status: 'open' }]);
    await call('DELETE', `/assets/${id}`);
    await advance(kept);
    expect(await insightsOf(id)).toMatchObject([{ status: 'resolved', ended_because: 'rule_unbound' }]);
    const bound = async () => (await call('GET', `/assets/${id}/rules`)).length;
    expect(await bound()).toBe(0);

    await rewind();
    await plant.database.db.deleteFrom('rule_machine').where('asset_id', '=', id).execute();
    await plant.database.db.deleteFrom('insight').where('asset_id', '=', id).execute();
    await advance();
    expect(await insightsOf(id)).toEqual([]);
    await call('PATCH', `/assets/${id}`, { status: 'operational' });
    await rewind();
    await advance();
    expect(await insightsOf(id)).toMatchObject([{ rule_id: 'pump-shaky', status: 'open' }]);
  });

  test.each(['feeds', 'isPartOf', 'parent_id'] as const)(
    'a new relation, %s, puts an insight of what is upstream before that of what is below',
    async (how) => {
      const upstream = await makePump('up', 'bearing_temp');
      const downstream = await makePump('down', 'vibration');
      const alone = await makePump('alone', 'vibration');
      if (how === 'feeds') await call('PUT', `/assets/${upstream.id}/relations/feeds/${downstream.id}`);
      if (how === 'isPartOf') await call('PUT', `/assets/${downstream.id}/relations/isPartOf/${upstream.id}`);
      if (how === 'parent_id') await call('PATCH', `/assets/${downstream.id}`, { parent_id: upstream.id });
      await send(upstream.point, 95, 0, 60);
      for (const { point } of [downstream, alone]) await send(point, 9, 5, 60);
      await rewind();
      await advance();
      expect(await insightsOf(upstream.id)).toMatchObject([{ rule_id: 'pump-hot', suppressed_by: null }]);
      expect(await insightsOf(downstream.id)).toMatchObject([{ rule_id: 'pump-shaky', suppressed_by: 'pump-hot' }]);
      expect(await insightsOf(alone.id)).toMatchObject([{ rule_id: 'pump-shaky', suppressed_by: null }]);
    },
  );

  test('another class brings other rules to a runner that goes on, and takes those of the first away', async () => {
    const { id, point } = await makePump('classed', 'vibration', { class: 'brick:Fan' });
    await send(point, 9, 0, 60);
    await rewind();
    const kept = runner();
    await advance(kept);
    expect(await insightsOf(id)).toEqual([]);
    await call('PATCH', `/assets/${id}`, { class: 'Pump' });
    await rewind();
    await advance(kept);
    expect(await insightsOf(id)).toMatchObject([{ rule_id: 'pump-shaky', status: 'open' }]);
    await call('PATCH', `/assets/${id}`, { class: null });
    await advance(kept);
    expect(await insightsOf(id)).toMatchObject([{ status: 'resolved', ended_because: 'rule_unbound' }]);
  });
});

test('what rules do not see of equipment makes no rules be bound anew, and what they see does', async () => {
  const { id } = await makePump('noted', 'vibration');
  const version = () => findModelVersion(plant.database.db, plant.site.shard);
  const moves = async (body: object) => {
    const before = await version();
    await call('PATCH', `/assets/${id}`, body);
    return (await version()) !== before;
  };
  for (const body of [{ manufacturer: 'x' }, { custom: { a: 1 } }, { barcode: 'b' }, { install_date: '2020-01-01' }])
    expect([body, await moves(body)]).toEqual([body, false]);
  for (const body of [
    { params: { p: 1 } },
    { tags: ['t'] },
    { status: 'degraded' },
    { class: 'brick:Fan' },
    { uri: 'urn:x' },
  ])
    expect([body, await moves(body)]).toEqual([body, true]);
});

test('a device finds what a person has made under its site and name, and leaves what the person has said of it', async () => {
  const made = await call('POST', '/assets', { name: `vav-${count}`, class: 'brick:Pump' });
  const readings = [{ site: 'main', asset: made.name, point: 'sat', value: 20 }];
  await call('POST', '/telemetry', { readings });
  const points = await call('GET', `/assets/${made.id}/points`);
  expect(points.map(({ name }: { name: string }) => name)).toEqual(['sat']);
  expect(await call('GET', `/assets/${made.id}`)).toMatchObject({ class: 'brick:Pump', state: 'modelled' });
});
