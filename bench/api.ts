/**
 * How fast the API of work orders answers, with few of them and with a million, beside an empty Fastify route and beside the bare SQL,
 * all in one run and by turns, so that a moment in which the machine is slow hits all of them.
 *
 *   npm run bench:api                              1,000 and 1,000,000 work orders, at 500 requests/s
 *   npm run bench:api -- --orders 1000,100000      other numbers
 *
 * Ends with 1 where, at the greater number, the p99 of list or get is more than 5 times the empty route's or more than 1.5 times
 * that at the smaller number, or where an answer was an error.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { type Case, casesOf } from './api-cases.ts';
import { type Asked, type Latency, measureLatency, measureRate } from './api-load.ts';
import { seedWorkOrders } from './api-seed.ts';
import { measureStatement } from './api-sql.ts';
import { onEnd } from './ended.ts';
import { type OwnProgram, startBenchProgram } from './program.ts';
import { type Column, showTable } from './show-table.ts';

const { values: flags } = parseArgs({
  options: {
    orders: { type: 'string', default: '1000,1000000' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    limit: { type: 'string', default: '50' },
    json: { type: 'boolean', default: false },
  },
});
const rate = Number(flags.rate);
const seconds = Number(flags.seconds);
const timesEmptyMax = 5;
const timesSmallMax = 1.5;
/** Reads first: what is created and changed makes the tables greater. */
const names = ['list', 'filter', 'get', 'patch', 'create'] as const;

type Line = {
  request: string;
  orders: number;
  p50Ms: number;
  p99Ms: number;
  timesEmpty: number;
  timesSmall: number;
  sqlP99Ms: number;
  perSecond: number;
  ratio: number;
  sqlPerSecond: number;
};
type Stage = { readonly orders: number; readonly program: OwnProgram; readonly cases: Case[] };

const stages: Stage[] = [];
/** Whatever was started, the last first. */
const stopping: (() => unknown)[] = [];
try {
  for (const orders of flags.orders.split(',').map(Number)) stages.push(await prepare(orders));
  const empty = await startEmpty();
  report(await measureAll(empty));
} finally {
  for (const stop of stopping.toReversed()) await stop();
}

async function prepare(orders: number): Promise<Stage> {
  const program = await startBenchProgram({ LOG_LEVEL: 'error', ROLES: 'ingest,api' });
  const client = new pg.Client({ connectionString: program.databaseUrl });
  await client.connect();
  stopping.push(() => program.stop());
  const begin = performance.now();
  const ids = await seedWorkOrders(client, orders);
  await client.query('create sequence bench_number');
  const { rows } = await client.query<{ id: string }>('select id from tenant');
  await client.end();
  process.stderr.write(`${orders} work orders were written in ${Math.round((performance.now() - begin) / 1_000)} s\n`);
  const { apiUrl, apiKey } = program;
  return {
    orders,
    program,
    cases: casesOf({ apiUrl, apiKey, tenantId: rows[0]?.id ?? '', ids, limit: Number(flags.limit) }),
  };
}

async function startEmpty(): Promise<Asked> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'api-empty.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stopping.push(() => child.kill('SIGTERM'));
  onEnd(async () => void child.kill('SIGTERM'));
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const url = `http://127.0.0.1:${String(port).trim()}`;
  return { url, next: () => ({ method: 'GET', path: '/' }) };
}

async function measureAll(empty: Asked): Promise<Line[]> {
  const rounds = Number(flags.rounds);
  const all = stages.flatMap(({ orders, program, cases }) => cases.map((one) => ({ orders, program, one })));
  all.sort((left, right) => orderOf(left.one) - orderOf(right.one));
  for (const { one } of all) await measureLatency(one.asked, { rate: Math.min(rate, 200), seconds: 3 });
  await measureLatency(empty, { rate, seconds: 3 });
  const lines: Line[] = [];
  for (const name of names) {
    const group = all.filter(({ one }) => one.name === name);
    const latencies = new Map<Asked, Latency[]>([empty, ...group.map(({ one }) => one.asked)].map((key) => [key, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [asked, found] of latencies) found.push(await measureLatency(asked, { rate, seconds }));
    }
    const bare = median(latencies.get(empty) ?? []);
    const emptyRate = await measureRate(empty, seconds);
    const small = median(latencies.get(group[0]?.one.asked as Asked) ?? []);
    if (lines.length === 0) lines.push(lineOfEmpty(bare, emptyRate.perSecond));
    for (const { orders, program, one } of group) {
      const found = latencies.get(one.asked) ?? [];
      const api = median(found);
      const sql = await measureStatement(program.databaseUrl, one.statement, { rate, seconds });
      const full = await measureRate(one.asked, seconds);
      const wrong = found.reduce((sum, latency) => sum + latency.wrong, full.wrong);
      if (wrong > 0) fail(`${wrong} requests of ${name} at ${orders} work orders were not answered as they should be`);
      const line = {
        request: name,
        orders,
        p50Ms: api.p50Ms,
        p99Ms: api.p99Ms,
        timesEmpty: api.p99Ms / bare.p99Ms,
        timesSmall: api.p99Ms / small.p99Ms,
        sqlP99Ms: sql.p99Ms,
        perSecond: full.perSecond,
        ratio: full.perSecond / emptyRate.perSecond,
        sqlPerSecond: sql.perSecond,
      };
      lines.push(line);
      judge(line);
    }
  }
  return lines;
}

function orderOf({ name }: Case): number {
  return names.indexOf(name);
}

/** Of the rounds, the one in the middle by its p99. */
function median(rounds: readonly Latency[]): Latency {
  const sorted = rounds.toSorted((left, right) => left.p99Ms - right.p99Ms);
  return sorted[Math.floor(sorted.length / 2)] ?? { p50Ms: Number.NaN, p99Ms: Number.NaN, wrong: 0 };
}

function lineOfEmpty({ p50Ms, p99Ms }: Latency, perSecond: number): Line {
  const nothing = { sqlP99Ms: Number.NaN, sqlPerSecond: Number.NaN, timesSmall: Number.NaN };
  return { request: 'empty route', orders: 0, p50Ms, p99Ms, timesEmpty: 1, perSecond, ratio: 1, ...nothing };
}

function judge({ request, orders, timesEmpty, timesSmall }: Line): void {
  const isTarget = (request === 'list' || request === 'get') && orders === stages.at(-1)?.orders;
  if (!isTarget) return;
  if (timesEmpty > timesEmptyMax)
    fail(
      `${request} at ${orders}: p99 is ${timesEmpty.toFixed(2)} times the empty route's, more than ${timesEmptyMax}`,
    );
  if (timesSmall > timesSmallMax)
    fail(`${request} at ${orders}: p99 is ${timesSmall.toFixed(2)} times that of few, more than ${timesSmallMax}`);
}

function fail(message: string): void {
  process.stderr.write(`wrong: ${message}\n`);
  process.exitCode = 1;
}

function report(rows: readonly Line[]): void {
  const shown = (value: number, digits: number) => (Number.isNaN(value) ? '' : value.toFixed(digits));
  const whole = (value: number) => (Number.isNaN(value) ? '' : Math.round(value).toLocaleString('en-US'));
  const columns: Column<Line>[] = [
    ['request', ({ request }) => request],
    ['work orders', ({ orders }) => (orders === 0 ? '' : whole(orders))],
    ['p50 ms', ({ p50Ms }) => shown(p50Ms, 2)],
    ['p99 ms', ({ p99Ms }) => shown(p99Ms, 2)],
    ['times empty', ({ timesEmpty }) => shown(timesEmpty, 2)],
    ['times few', ({ timesSmall }) => shown(timesSmall, 2)],
    ['SQL p99 ms', ({ sqlP99Ms }) => shown(sqlP99Ms, 2)],
    ['most/s', ({ perSecond }) => whole(perSecond)],
    ['ratio', ({ ratio }) => shown(ratio, 3)],
    ['SQL most/s', ({ sqlPerSecond }) => whole(sqlPerSecond)],
  ];
  showTable({ title: `at ${rate} requests/s`, rows, columns, asJson: flags.json });
}
