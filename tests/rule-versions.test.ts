/** What becomes of insights when the rules change: at the change itself, and when readings of the time before come late. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ruleSetList } from '../src/api/rules/rule.ts';
import type { PointRef } from '../src/assets/point-store.ts';
import { createLog } from '../src/platform/log.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import {
  deleteOldVersions,
  deployRuleSet,
  findDeployedRuleSet,
  listRuleSets,
  listShardVersions,
  noteFileErrors,
} from '../src/rules/live/rule-set-store.ts';
import { openRuleSets } from '../src/rules/live/rule-sets.ts';
import { firstPageOf } from './support/list-request.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let text: string;
let downstream: PointRef;
let startMs: number;

beforeAll(async () => {
  plant = await openRulePlant();
  text = await readFile('tests/fixtures/rules/too-high.yaml', 'utf8');
});
afterAll(() => plant?.close());
beforeEach(async () => {
  await sql`truncate rule_shard_version, rule_deployment`.execute(plant.database.db);
  await sql`update rule_shard set tick_at = null, snapshot = null, rule_set_hash = null`.execute(plant.database.db);
  ({ downstream } = await plant.makePumps());
  startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
});

/** The fixture's rule with other lines, alone; none at all for a text that is empty. */
function rulesOf(change: (text: string) => string): RuleSet {
  const changed = change(text).replace('suppressed_by: [running-hot]', '');
  const { rules, errors } = buildRuleSet(changed === '' ? [] : [{ file: 'too-high.yaml', text: changed }]);
  expect(errors).toEqual([]);
  return rules;
}

async function send(value: number, from: number, through: number, rank = 0): Promise<void> {
  const rows = [];
  for (let minute = from; minute <= through; minute++) {
    const timeMs = startMs + minute * minuteMs - 50_000 + rank * 10_000;
    rows.push({ point: downstream, timeMs, value, quality: 'good' as const });
  }
  await plant.append(rows);
}

async function advance(ruleSet: RuleSet): Promise<void> {
  const runner = plant.openRunner(ruleSet);
  while ((await runner.advance(plant.site.shard)).isBehind);
}

/** As if the shard had changed over to a version at a minute. */
async function changeOver(minute: number, ruleSet: RuleSet): Promise<void> {
  plant.openRunner(ruleSet);
  const { hash, timeScale } = ruleSet;
  await deployRuleSet(plant.database.db, { hash, timeScale, texts: [], errors: [] });
  await plant.database.db
    .insertInto('rule_shard_version')
    .values({ shard: plant.site.shard, tick_at: new Date(startMs + minute * minuteMs), hash })
    .execute();
}

/** Opening and end in minutes, and why it ended. */
async function told(): Promise<string[]> {
  const rows = await plant.database.db
    .selectFrom('insight')
    .select(['opened_at', 'resolved_at', 'ended_because', 'episodes', 'status'])
    .where('asset_id', '=', downstream.assetId)
    .where('withdrawn_at', 'is', null)
    .orderBy('opened_at')
    .execute();
  const minute = (at: Date | null) => (at === null ? '…' : String((at.getTime() - startMs) / minuteMs));
  return rows.map((row) =>
    [
      `${minute(row.opened_at)}-${minute(row.resolved_at)} ${row.status}`,
      ...(row.ended_because ? [row.ended_because] : []),
      ...(row.episodes > 1 ? [`${row.episodes} episodes`] : []),
    ].join(' '),
  );
}

test('a shard that begins is under its first version for all time before, too', async () => {
  const v1 = rulesOf((rule) => rule);
  await advance(v1);
  const versions = await listShardVersions(plant.database.db, { shard: plant.site.shard, afterMs: startMs });
  expect(versions).toEqual([{ tickMs: Number.NEGATIVE_INFINITY, hash: v1.hash }]);
});

test('late readings are judged by the rules of their time, also by one that has been removed since', async () => {
  const v1 = rulesOf((rule) => rule);
  const without = rulesOf(() => '');
  await send(9, 0, 20);
  await send(2, 21, 60);
  await advance(v1);
  expect(await told()).toEqual(['2-31 resolved cleared']);
  await send(2, 0, 20, 1);
  await advance(without);
  expect(await told()).toEqual([]);
  await send(9, 3, 20, 2);
  await advance(without);
  expect(await told()).toEqual(['5-31 resolved cleared']);
});

test.each<[string, (rule: string) => string, string[]]>([
  ['a lower limit begins its wait at the change', (rule) => rule.replace('v > 7.0', 'v > 5.0'), ['33-… in_progress']],
  ['a removed rule says nothing any more', () => '', []],
])('%s', async (_what, change, expected) => {
  await advance(rulesOf((rule) => rule));
  await changeOver(30, rulesOf(change));
  await send(6, 0, 60);
  await advance(rulesOf(change));
  expect(await told()).toEqual(expected);
});

test.each([
  ['5m', '34-… in_progress'],
  ['1m', '31-… in_progress'],
])('a wait that has begun counts on under a new version that asks for %s', async (wait, expected) => {
  const next = rulesOf((rule) => rule.replace('for: 2m', `for: ${wait}`));
  await advance(rulesOf((rule) => rule));
  await changeOver(30, next);
  await send(9, 29, 60);
  await advance(next);
  expect(await told()).toEqual([expected]);
});

test.each<[string, (rule: string) => string, string[]]>([
  [
    'its new version keeps an open insight open',
    (rule) => rule.replace('v > 7.0', 'v > 8.0'),
    ['2-71 resolved cleared'],
  ],
  [
    'its new version decides when an open insight has cleared',
    (rule) => rule.replace('10m', '3m'),
    ['2-64 resolved cleared'],
  ],
  ['the end of a rule ends its insight and says so', () => '', ['2-30 resolved rule_removed']],
  [
    'a rule that is switched off ends its insight and says so',
    (rule) => `${rule}enabled: false\n`,
    ['2-30 resolved rule_disabled'],
  ],
  [
    'a rule that no longer fits ends its insight and says so',
    (rule) => rule.replace('Vibration_Velocity', 'Bearing_Temperature').replaceAll('mm/s', 'degC'),
    ['2-30 resolved rule_unbound'],
  ],
])('at a change of the rules %s', async (_what, change, expected) => {
  await advance(rulesOf((rule) => rule));
  await changeOver(30, rulesOf(change));
  await send(9, 0, 60);
  await send(2, 61, 100);
  await advance(rulesOf(change));
  expect(await told()).toEqual(expected);
});

test('a rule that comes back opens its insight again, also after a repair of the time between', async () => {
  const [v1, without] = [rulesOf((rule) => rule), rulesOf(() => '')];
  await advance(v1);
  await changeOver(30, without);
  await changeOver(40, v1);
  await send(9, 0, 60);
  await advance(v1);
  const whole = ['2-… in_progress 2 episodes'];
  expect(await told()).toEqual(whole);
  for (const minute of [50, 41, 35, 30, 10]) {
    await send(9, minute, minute, 1);
    await advance(v1);
    expect([minute, await told()]).toEqual([minute, whole]);
  }
  await send(2, 31, 60, 2);
  await advance(v1);
  expect(await told()).toEqual(['2-30 resolved rule_removed']);
  await send(9, 43, 60, 3);
  await advance(v1);
  expect(await told()).toEqual(whole);
  const orders = plant.database.db.selectFrom('work_order').select('id').where('asset_id', '=', downstream.assetId);
  expect(await orders.execute()).toHaveLength(1);
});

test('an insight that opens at the very tick of a change over ends there, also in a repair', async () => {
  const [v1, without] = [rulesOf((rule) => rule), rulesOf(() => '')];
  await advance(v1);
  await changeOver(30, without);
  await send(2, 0, 60);
  await advance(v1);
  await advance(without);
  await send(9, 28, 60, 1);
  await advance(without);
  expect(await told()).toEqual(['30-30 resolved rule_removed']);
});

test('what is removed while its insight stands ends with the next tick, and is not found again by a second process', async () => {
  const v1 = rulesOf((rule) => rule);
  const without = rulesOf(() => '');
  await send(9, 0, 110);
  await advance(v1);
  expect(await told()).toEqual(['2-… in_progress']);
  await advance(without);
  const [one, ...others] = await told();
  expect([one?.replace(/-\d+ /, '-N '), others]).toEqual(['2-N resolved rule_removed', []]);
  await advance(without);
  expect(await told()).toEqual([one]);
});

test.each([
  [10_000, [], ['fast.yaml: every: 4s is neither a multiple nor a part of the base tick TICK: 10s']],
  [2_000, ['fast'], []],
  [8_000, ['fast'], []],
])(
  'a rule that a base tick of %i ms does not meet is left out, and the error names both',
  async (tickMs, ids, errors) => {
    const directory = await mkdtemp(join(tmpdir(), 'faultline-rules-'));
    const fast = text.replace('too-high', 'fast').replace('every: 1m', 'every: 4s').replace('[running-hot]', '[]');
    await writeFile(join(directory, 'fast.yaml'), fast);
    const { db } = plant.database;
    const ruleSets = await openRuleSets({ db, log: createLog('silent'), directory, timeScale: 1, tickMs });
    expect((await ruleSets.getDeployed(db)).rules.map(({ id }) => id)).toEqual(ids);
    const deployed = await findDeployedRuleSet(db);
    expect(deployed?.errors.map(({ file, message }) => `${file}: ${message}`)).toEqual(errors);
    await ruleSets.close();
    await rm(directory, { recursive: true });
  },
);

test('a rule that ticks more often than the shard is looked at opens at its own tick', async () => {
  const everySecond = rulesOf((rule) => rule.replace('every: 1m', 'every: 1s').replace('\nfor: 2m', '\nfor: 3s'));
  await send(9, 0, 60);
  await advance(everySecond);
  await send(9, 60, 118, 1);
  await advance(everySecond);
  const { opened_at } = await plant.database.db
    .selectFrom('insight')
    .select('opened_at')
    .where('asset_id', '=', downstream.assetId)
    .executeTakeFirstOrThrow();
  expect(opened_at.getTime() - startMs).toBe(-50_000 + 3_000);
});

test('versions that no repair reaches are forgotten, but for the one in use at its limit and the last deployments', async () => {
  const { db } = plant.database;
  const dayMs = 86_400_000;
  const ago = (days: number) => new Date(Date.now() - days * dayMs);
  for (const [i, days] of [50, 40, 30].entries()) {
    const rules = rulesOf((rule) => rule.replace('v > 7.0', `v > ${i + 1}.0`));
    await deployRuleSet(db, { hash: rules.hash, timeScale: 1, texts: [], errors: [] });
    const version = { shard: plant.site.shard, tick_at: ago(days), hash: rules.hash };
    await db.insertInto('rule_shard_version').values(version).execute();
  }
  await db
    .updateTable('rule_set')
    .set({ created_at: ago(60) })
    .execute();
  await db
    .updateTable('rule_deployment')
    .set({ deployed_at: ago(60) })
    .execute();
  await deleteOldVersions(db, 35 * dayMs);
  const left = await listShardVersions(db, { shard: plant.site.shard, afterMs: 0 });
  expect(left.map(({ tickMs }) => Math.round((Date.now() - tickMs) / dayMs))).toEqual([40, 30]);
  const kept = await listRuleSets(db, firstPageOf(ruleSetList, 10));
  expect(kept.total).toBe(3);
});

test('errors of files are noted beside the version that runs, and only there', async () => {
  const { db } = plant.database;
  const v1 = rulesOf((rule) => rule);
  const error = {
    severity: 'error',
    file: 'a.yaml',
    line: 1,
    column: 2,
    length: 3,
    message: 'm',
    code: 'c',
    lineText: '\u0000',
  } as const;
  await deployRuleSet(db, { hash: v1.hash, timeScale: 1, texts: [{ file: 'a.yaml', text }], errors: [] });
  await noteFileErrors(db, 'another version', [error]);
  expect((await findDeployedRuleSet(db))?.errors).toEqual([]);
  await noteFileErrors(db, v1.hash, [error]);
  expect(await findDeployedRuleSet(db)).toMatchObject({ hash: v1.hash, errors: [{ ...error, lineText: '\ufffd' }] });
});
