/** How many overrides there may be, however they come; and rules that no process evaluates, which their bindings say. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import { deployRuleSet } from '../src/rules/live/rule-set-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary, libraryTexts, minuteMs } from './support/api-rules.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  await classifyEquipment(api, world);
  await deployLibrary(api);
});
afterAll(() => api.close());
beforeEach(async () => {
  await api.database.db.deleteFrom('rule_override').execute();
});

const reason = 'The unit is being commissioned.';
const post = (body: object, path = '/rule-overrides') =>
  api.call('POST', `/api/v1${path}`, { key: world.key, body: { reason, ...body } });

/** Overrides that are on record; `endedMs` ago, or without an end. */
async function record(count: number, more: object, endedMs: number | null): Promise<void> {
  const [sinceAt, untilAt] = [Date.now() - 40 * 86_400_000, endedMs === null ? null : new Date(Date.now() - endedMs)];
  const rows = Array.from({ length: count }, () => ({
    id: newId(),
    tenant_id: world.tenantId,
    rule_id: 'sat-warm',
    params: '{}',
    enabled: 'false',
    since_at: new Date(sinceAt),
    until_at: untilAt,
    reason,
    author: 'alex',
    ...more,
  }));
  await api.database.db.insertInto('rule_override').values(rows).execute();
}

test('the limit holds for requests at the same time', async () => {
  await record(1_995, { asset_id: world.chillerId }, null);
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => post({ asset_id: world.ahuId }, '/rules/sat-warm/disable')),
  );
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(5);
  expect(replies.find(({ status }) => status !== 201)?.json.errors[0]).toMatchObject({ code: 'too_many' });
});

test('what live evaluation looks at has a limit of its own: many alike, though they have ended', async () => {
  await record(39, { tag: 'x' }, minuteMs);
  const last = await post({ rule_id: 'sat-warm', enabled: false });
  expect(last.status).toBe(201);
  expect((await post({ rule_id: 'sat-warm', enabled: 'shadow' })).json.errors[0].code).toBe('too_many');
  const path = `/api/v1/rule-overrides/${last.json.data.id}`;
  const change = (body: object) => api.call('PATCH', path, { key: world.key, body });
  expect((await change({ enabled: 'shadow' })).json.errors[0].code).toBe('too_many');
  // What adds none goes on, and so does what concerns others.
  expect((await change({ until: '2099-01-01T00:00:00Z' })).status).toBe(200);
  expect((await post({ rule_id: 'sat-warm', enabled: false, asset_id: world.ahuId })).status).toBe(201);
  expect((await api.call('DELETE', path, { key: world.key })).status).toBe(204);
});

test('what ended before any repair reaches back to does not count', async () => {
  await record(300, {}, 36 * 86_400_000);
  expect((await post({ rule_id: 'sat-warm', enabled: false })).status).toBe(201);
});

test('a rule that the base tick leaves out cannot run anywhere, and its bindings say why', async () => {
  const texts = libraryTexts.map(({ file, text }) => ({ file, text: text.replace('tags:', 'every: 5m\ntags:') }));
  const { errors } = buildRuleSet(texts, { tickMs: 2 * minuteMs });
  const { rules } = buildRuleSet(texts);
  await deployRuleSet(api.database.db, { hash: rules.hash, texts, timeScale: 1, errors });
  const lacking = { status: 'cannot_run', missing: [{ input: 'every', reason: expect.stringContaining('base tick') }] };
  for (const path of ['/rules/sat-warm/bindings', `/assets/${world.ahuId}/rules?status=cannot_run`]) {
    const { json } = await api.call('GET', `/api/v1${path}`, { key: world.key });
    const bindings = json.data as { rule_id: string }[];
    expect(bindings.find(({ rule_id }) => rule_id === 'sat-warm')).toMatchObject(lacking);
  }
  const { json } = await api.call('GET', '/api/v1/rules/sat-broken/bindings', { key: world.key });
  expect(json.data).toMatchObject([{ status: 'running' }]);
  // The mistake is in the file on disk alone: the text that ran before runs on.
  const hash = await deployLibrary(api);
  await api.database.db
    .updateTable('rule_deployment')
    .set({ errors: JSON.stringify(errors) })
    .where('hash', '=', hash)
    .execute();
  const { json: now } = await api.call('GET', '/api/v1/rules/sat-warm/bindings', { key: world.key });
  expect(now.data).toMatchObject([{ status: 'running' }]);
});
