/** Overrides in the database: what they do at the ticks at which they hold, how they change, and whom they are about. */

import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { insertTenant } from '../src/access/tenant-store.ts';
import { overrideList } from '../src/api/rules/override.ts';
import type { PointRef } from '../src/assets/point-store.ts';
import { newId } from '../src/platform/id.ts';
import { buildRuleSet, loadRules } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import {
  changeOverride,
  endOverride,
  findOverride,
  insertOverride,
  listOverrides,
  listTenantOverrides,
} from '../src/rules/live/override-store.ts';
import { findModelVersion } from '../src/rules/live/store.ts';
import { firstPageOf } from './support/list-request.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let downstream: PointRef;
let startMs: number;
let otherTenantId: string;

beforeAll(async () => {
  plant = await openRulePlant();
  const given = { name: 'Other', siteSlug: 'main', siteName: 'Main', timeZone: 'UTC', discovery: true };
  otherTenantId = (await plant.database.db.transaction().execute((trx) => insertTenant(trx, given))).id;
});
afterAll(() => plant?.close());
beforeEach(async () => {
  ({ downstream } = await plant.makePumps());
  await plant.database.db.deleteFrom('rule_override').execute();
  await plant.database.db
    .updateTable('asset')
    .set({ tags: ['critical'] })
    .where('id', '=', downstream.assetId)
    .execute();
  startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
});

const ruleText = `
rule: too-high
version: 1
title: Vibration above the limit
applies_to: { class: brick:Pump }
inputs: { v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s } }
params: { limit: { default: 7, unit: mm/s, min: 1, max: 20, help: the limit } }
when: v > limit
for: 2m
severity: critical
category: fault
work_order: { after: 1m, priority: high }
`;

function rules(): RuleSet {
  const { rules: ruleSet, errors } = buildRuleSet([{ file: 'too-high.yaml', text: ruleText }]);
  expect(errors).toEqual([]);
  return ruleSet;
}

async function send(value: number, from: number, through: number): Promise<void> {
  const rows = [];
  for (let minute = from; minute <= through; minute++)
    rows.push({ point: downstream, timeMs: startMs + minute * minuteMs - 1_000, value, quality: 'good' as const });
  await plant.append(rows);
}

async function advance(ruleSet: RuleSet): Promise<void> {
  const runner = plant.openRunner(ruleSet);
  while ((await runner.advance(plant.site.shard)).isBehind);
}

type Given = {
  tenantId?: string;
  rule?: string;
  site?: boolean;
  asset?: boolean;
  tag?: string;
  enabled?: string;
  severity?: string;
  params?: object;
  from?: number;
  to?: number | null;
};

/** An override that holds from one minute to another, as if it had been made then. */
async function override({ from = 20, to = 40, rule = 'too-high', ...given }: Given): Promise<void> {
  await plant.database.db
    .insertInto('rule_override')
    .values({
      id: newId(),
      tenant_id: given.tenantId ?? plant.site.tenantId,
      rule_id: rule,
      site_id: given.site ? plant.site.siteId : null,
      asset_id: given.asset ? downstream.assetId : null,
      tag: given.tag ?? null,
      enabled: given.enabled ?? null,
      severity: given.severity ?? null,
      params: JSON.stringify(given.params ?? {}),
      since_at: new Date(startMs + from * minuteMs),
      until_at: to === null ? null : new Date(startMs + to * minuteMs),
      reason: 'maintenance',
      author: 'an engineer',
    })
    .execute();
}

/** Opening and end in minutes, how it stands or why it ended, and its work orders. */
async function told(): Promise<string[]> {
  const rows = await plant.database.db
    .selectFrom('insight')
    .selectAll()
    .select(sql<number>`(select count(*)::int from work_order where insight_id = insight.id)`.as('orders'))
    .where('asset_id', '=', downstream.assetId)
    .orderBy('opened_at')
    .execute();
  const minute = (at: Date | null) => (at === null ? '…' : String((at.getTime() - startMs) / minuteMs));
  return rows.map((row) => {
    const state = row.ended_because ?? `${row.severity}${row.shadow ? ' on trial' : ''}`;
    const episodes = row.episodes > 1 ? `, ${row.episodes} episodes` : '';
    return `${minute(row.opened_at)}-${minute(row.resolved_at)} ${state}, ${row.orders} orders${episodes}`;
  });
}

const whole = ['2-… critical, 1 orders'];
const gap = ['2-… critical, 1 orders, 2 episodes'];

test.each<[string, Given, string[]]>([
  [
    'switched off on the asset: the insight ends, and what the rule finds again is the same',
    { asset: true, enabled: 'false' },
    gap,
  ],
  ['switched off at the site', { site: true, enabled: 'false' }, gap],
  ['switched off for a tag', { tag: 'critical', enabled: 'false' }, gap],
  ['switched off for another tag', { tag: 'spare', enabled: 'false' }, whole],
  ['all rules switched off', { rule: '*', enabled: 'false' }, gap],
  ['another rule switched off', { rule: 'running-hot', enabled: 'false' }, whole],
  ['switched off for good', { enabled: 'false', to: null }, ['2-20 rule_disabled, 1 orders']],
  ['switched off before and after', { enabled: 'false', from: 0, to: 10 }, ['12-… critical, 1 orders']],
  ['a higher limit at first', { params: { limit: 10 }, from: 0, to: 30 }, ['32-… critical, 1 orders']],
  ['another severity throughout', { severity: 'info', from: 0, to: null }, ['2-… info, 1 orders']],
  ['another severity later', { severity: 'info', to: null }, ['2-… info, 1 orders']],
  ['on trial later', { enabled: 'shadow', to: null }, ['2-… critical on trial, 1 orders']],
  ['on trial throughout', { enabled: 'shadow', from: 0, to: null }, ['2-… critical on trial, 0 orders']],
  [
    'paused before and after',
    { rule: '*', asset: true, enabled: 'paused', from: 0, to: 10 },
    ['12-… critical, 1 orders'],
  ],
  ['paused meanwhile: the insight stays', { asset: true, enabled: 'paused' }, whole],
  ['on trial at first: the work order follows', { enabled: 'shadow', from: 0, to: 30 }, whole],
])('%s', async (_what, given, expected) => {
  await override(given);
  await send(9, 0, 60);
  await advance(rules());
  expect(await told()).toEqual(expected);
});

test('what is paused does not resolve until the pause is over', async () => {
  await override({ site: true, enabled: 'paused' });
  await send(9, 0, 30);
  await send(1, 31, 60);
  await advance(rules());
  expect(await told()).toEqual(['2-40 cleared, 1 orders']);
});

test('a retired asset is not evaluated: its insight ends', async () => {
  const ruleSet = rules();
  const setStatus = (status: string) =>
    plant.database.db.updateTable('asset').set({ status }).where('id', '=', downstream.assetId).execute();
  await send(9, 0, 60);
  await advance(ruleSet);
  const version = await findModelVersion(plant.database.db, plant.site.shard);
  await setStatus('retired');
  expect(await findModelVersion(plant.database.db, plant.site.shard)).not.toBe(version);
  await send(9, 61, 110);
  await advance(ruleSet);
  expect(await told()).toEqual([expect.stringMatching(/^2-\d+ rule_unbound, 1 orders$/)]);
});

test("an override of one tenant touches no other tenant's assets", async () => {
  await override({ tenantId: otherTenantId, enabled: 'false' });
  await send(9, 0, 60);
  await advance(rules());
  expect(await told()).toEqual(whole);
});

test('the override of the asset wins over that of its tag, and this over that of its site', async () => {
  await override({ site: true, enabled: 'false', from: 0, to: null });
  await override({ tag: 'critical', enabled: 'shadow', from: 10, to: null });
  await override({ asset: true, enabled: 'true', from: 30, to: null });
  await send(9, 0, 60);
  await advance(rules());
  expect(await told()).toEqual(['12-… critical, 1 orders']);
});

test('an override ends at its tick, in an evaluation that is in memory', async () => {
  const { rules: ruleSet } = await loadRules('tests/fixtures/rules', { timeScale: 600 });
  const runner = plant.openRunner(ruleSet);
  await runner.advance(plant.site.shard);
  const untilMs = Math.ceil(Date.now() / 100) * 100 + 1_500;
  const given = { tenantId: plant.site.tenantId, rule: 'too-high', reason: 'works', author: 'an engineer' };
  await insertOverride(plant.database.db, { ...given, enabled: false, untilAt: new Date(untilMs) });
  const firstMs = Date.now() + 100;
  const rows = Array.from({ length: 60 }, (_, i) => ({ point: downstream, timeMs: firstMs + 100 * i, value: 9 }));
  await plant.append(rows.map((row) => ({ ...row, quality: 'good' as const })));
  while (Date.now() < untilMs + 2_000) {
    await runner.advance(plant.site.shard);
    await sleep(100);
  }
  const [insight] = await plant.database.db
    .selectFrom('insight')
    .select(['opened_at', 'started_at'])
    .where('asset_id', '=', downstream.assetId)
    .orderBy('opened_at', 'desc')
    .execute();
  expect([insight?.started_at.getTime(), insight?.opened_at.getTime()]).toEqual([untilMs, untilMs + 200]);
});

test('an override begins when it is made, at the earliest, and one that is made makes its shards look', async () => {
  const { db } = plant.database;
  const before = await findModelVersion(db, plant.site.shard);
  const tenantId = plant.site.tenantId;
  const given = { tenantId, rule: 'too-high', assetId: downstream.assetId, reason: 'r', author: 'a' };
  const id = await insertOverride(db, { ...given, enabled: false, sinceAt: new Date(0), untilAt: new Date(1) });
  const made = await findOverride(db, { tenantId }, id);
  expect(Math.abs((made?.sinceAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(made?.untilAt).toEqual(made?.sinceAt);
  expect(await findModelVersion(db, plant.site.shard)).not.toBe(before);
  expect(await findOverride(db, { tenantId: otherTenantId }, id)).toBeUndefined();
  expect(await listTenantOverrides(db, tenantId)).toEqual([]);
});

test('a change holds from now on: what the override did before stays on record', async () => {
  const { db } = plant.database;
  const tenantId = plant.site.tenantId;
  await override({ params: { limit: 8 }, from: 0, to: null });
  const [{ id = '' } = {}] = await listTenantOverrides(db, tenantId);
  const change = { params: { limit: 9 }, author: 'another' };
  expect(await changeOverride(db, { tenantId: otherTenantId, id, change })).toBe(false);
  expect(await db.transaction().execute((trx) => changeOverride(trx, { tenantId, id, change }))).toBe(true);
  const [past, present] = (await listTenantOverrides(db, tenantId)).sort((a, b) => a.sinceMs - b.sinceMs);
  expect([past?.params, past?.sinceMs, past?.author]).toEqual([{ limit: 8 }, startMs, 'an engineer']);
  expect([present?.id, present?.params, present?.author]).toEqual([id, { limit: 9 }, 'another']);
  expect(present?.sinceMs).toBe(past?.untilMs);
  expect((await findOverride(db, { tenantId }, past?.id ?? ''))?.replacedBy).toBe(id);
  // Words alone change nothing that has been evaluated.
  const words = { reason: 'a better reason', author: 'another' };
  await db.transaction().execute((trx) => changeOverride(trx, { tenantId, id, change: words }));
  expect((await findOverride(db, { tenantId }, id))?.reason).toBe('a better reason');
  expect(await listTenantOverrides(db, tenantId)).toHaveLength(2);
});

test('an override that is ended cannot be ended or changed again', async () => {
  const { db } = plant.database;
  const tenantId = plant.site.tenantId;
  const id = await insertOverride(db, { tenantId, rule: '*', enabled: 'shadow', reason: 'r', author: 'a' });
  expect(await endOverride(db, { tenantId: otherTenantId, id })).toBe(false);
  expect(await endOverride(db, { tenantId, id })).toBe(true);
  expect(await endOverride(db, { tenantId, id })).toBe(false);
  const change = { reason: 'no', author: 'a' };
  expect(await db.transaction().execute((trx) => changeOverride(trx, { tenantId, id, change }))).toBe(false);
  expect((await findOverride(db, { tenantId }, id))?.endedAt).not.toBeNull();
});

test.each([
  ['all', {}, 3],
  ['of a rule', { rule: 'too-high' }, 2],
  ['of an asset', { asset: true }, 1],
  ['of a site, those of its assets among them', { site: true }, 2],
  ['that hold', { active: true }, 2],
  ['that are over', { active: false }, 1],
])('the overrides of a tenant are listed: %s', async (_what, filter: Record<string, unknown>, count) => {
  await override({ tenantId: otherTenantId, enabled: 'false', to: null });
  await override({ asset: true, enabled: 'false' });
  await override({ site: true, enabled: 'false', to: null });
  await override({ rule: '*', enabled: 'shadow', to: null });
  const { asset, site, ...plain } = filter;
  const assetId = asset ? { assetId: downstream.assetId } : {};
  const of = { ...plain, ...assetId, ...(site ? { siteId: plant.site.siteId } : {}) };
  const tenant = { tenantId: plant.site.tenantId };
  const { rows, total } = await listOverrides(plant.database.db, tenant, of, firstPageOf(overrideList, 1));
  expect([rows.length, total]).toEqual([Math.min(2, count), count]);
});

test('who may see some sites sees their overrides and those of the whole tenant', async () => {
  await override({ asset: true, enabled: 'false' });
  await override({ enabled: 'shadow' });
  const { tenantId } = plant.site;
  const of = (siteIds: string[]) =>
    listOverrides(plant.database.db, { tenantId, siteIds }, {}, firstPageOf(overrideList));
  expect([(await of([plant.site.siteId])).total, (await of([newId()])).total]).toEqual([2, 1]);
});
