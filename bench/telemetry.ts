/**
 * How telemetry is stored and read, in native partitions and, where TIMESCALE_URL names a server, in a hypertable beside them:
 * `npm run bench:telemetry`. See README.md here for what the numbers mean.
 *
 *   --readings N   20 million unless said      --points N   10,000       --growth 1000,100000   none: without that part
 *   --runs N       of each question, 200       --json       one object a line
 */
import { parseArgs } from 'node:util';
import { type Column, showTable } from './show-table.ts';
import { type AppendResult, measureAppend } from './telemetry-append.ts';
import { type BytesResult, measureBytes } from './telemetry-bytes.ts';
import { type BenchServer, insertPoints, openEmbeddedServer, openTimescaleServer } from './telemetry-database.ts';
import { analyze, dayMs, fill, minuteMs, rollUp, settleFrom } from './telemetry-fill.ts';
import { measureQuestions, type QuestionResult } from './telemetry-measure.ts';
import { questionsOf } from './telemetry-queries.ts';

const { values: options } = parseArgs({
  options: {
    readings: { type: 'string', default: '20000000' },
    points: { type: 'string', default: '10000' },
    growth: { type: 'string', default: '1000,10000,100000' },
    runs: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
});
const readings = positive('readings', options.readings);
const pointCount = positive('points', options.points);
const runs = positive('runs', options.runs);
const growth = options.growth === 'none' ? [] : options.growth.split(',').map((text) => positive('growth', text));

const targets = { appendRatio: 0.5, p99Ms: 100, noiseBytes: 14, statusBytes: 4 } as const;
const missed: string[] = [];
/** Of each point in the part on growth: one every half an hour. */
const growthReadings = 48;
const yearDays = 364;

const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
const servers: BenchServer[] = [];
try {
  servers.push(await openEmbeddedServer());
  const url = process.env.TIMESCALE_URL;
  if (url) servers.push(await openTimescaleServer(url));
  else say('skipped: hypertable (TIMESCALE_URL names no server with TimescaleDB)');
  for (const server of servers) await benchServer(server);
  for (const server of servers) for (const count of growth) await benchGrowth(server, count);
} finally {
  for (const server of servers) await server.close();
}
for (const miss of missed) process.stderr.write(`missed: ${miss}\n`);
process.exitCode = missed.length > 0 ? 1 : 0;

async function benchServer(server: BenchServer): Promise<void> {
  say(`${server.name}: ${server.version}`);
  const bench = await server.make();
  try {
    const points = await insertPoints(bench, pointCount);
    const plan = planSpans(points.length);
    const yearPoints = points.slice(0, plan.yearPoints);
    const year = { points: yearPoints, fromMs: plan.yearStartMs, toMs: plan.dayStartMs };
    const todayMs = plan.dayStartMs + dayMs;
    await settleFrom(bench, plan.dayStartMs);
    let count = await fill(bench, { ...year, everyMs: plan.yearEveryMs });
    count += await fill(bench, { points, fromMs: plan.dayStartMs, toMs: todayMs, everyMs: plan.dayEveryMs });
    count += await fill(bench, { points, fromMs: todayMs, toMs: plan.endMs, everyMs: plan.todayEveryMs });
    say(`${server.name}: ${count} readings of ${points.length} points are there; rolling them up`);
    const startedAt = performance.now();
    await rollUp(bench, year);
    await analyze(bench);
    say(`${server.name}: rolled up in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s, statistics included`);
    const questions = questionsOf(bench, {
      points,
      yearPoints,
      dayStartMs: plan.dayStartMs,
      yearStartMs: plan.yearStartMs,
      yearEndMs: plan.dayStartMs,
    });
    showQuestions(server, await measureQuestions(questions, runs));
    const rows = Math.max(100_000, Math.round(readings / 10));
    showAppend(server, 'present', await measureAppend(bench, { points, rows }));
    const late = { points, rows: Math.round(rows / 4), lateMs: 2 * 3_600_000 };
    showAppend(server, 'two hours late', await measureAppend(bench, late));
    const few = points.slice(0, Math.min(1_000, Math.ceil(readings / 4_000)));
    for (const [i, look] of (['noise', 'status'] as const).entries())
      showBytes(server, await measureBytes(bench, { points: few, dayStartMs: plan.bytesDayMs + i * dayMs, look }));
  } finally {
    await bench.drop();
  }
}

/**
 * A year of a few points, then yesterday of all of them, then today as far as it has come, but for the last minutes, which
 * belong to what is appended. Of few readings it is the same, with longer between them.
 */
function planSpans(count: number) {
  const dayStartMs = Math.floor(Date.now() / dayMs) * dayMs - dayMs;
  const endMs = Math.max(dayStartMs + dayMs, Math.floor(Date.now() / minuteMs) * minuteMs - 20 * minuteMs);
  const ofYear = readings / 4;
  const yearPoints = Math.max(1, Math.min(10, Math.round(ofYear / (yearDays * 1_440))));
  const yearEveryMs = Math.max(minuteMs, Math.ceil((yearDays * dayMs * yearPoints) / ofYear));
  const perPoint = Math.max(2, Math.floor((readings - (yearPoints * yearDays * dayMs) / yearEveryMs) / count));
  const ofDay = Math.min(1_440, perPoint);
  const today = Math.max(1, perPoint - ofDay);
  return {
    dayStartMs,
    endMs,
    dayEveryMs: Math.floor(dayMs / ofDay),
    todayEveryMs: Math.max(1_000, Math.ceil((endMs - dayStartMs - dayMs) / today)),
    yearPoints,
    yearEveryMs,
    yearStartMs: dayStartMs - yearDays * dayMs,
    bytesDayMs: dayStartMs - (yearDays + 6) * dayMs,
  };
}

/** The same questions of a plant of another size, each point with a reading every half an hour of a day. */
async function benchGrowth(server: BenchServer, count: number): Promise<void> {
  const bench = await server.make();
  try {
    say(`${server.name}: ${count} points`);
    const points = await insertPoints(bench, count);
    const endMs = Math.floor(Date.now() / minuteMs) * minuteMs - 20 * minuteMs;
    const dayStartMs = endMs - dayMs;
    await settleFrom(bench, dayStartMs);
    await fill(bench, { points, fromMs: dayStartMs, toMs: endMs, everyMs: dayMs / growthReadings });
    await rollUp(bench, { points: [], fromMs: dayStartMs, toMs: endMs });
    await analyze(bench);
    const asked = { points, yearPoints: [], dayStartMs, yearStartMs: 0, yearEndMs: 0 };
    showQuestions(server, await measureQuestions(questionsOf(bench, asked), runs), count);
    showAppend(server, 'present', await measureAppend(bench, { points, rows: 200_000 }), count);
  } finally {
    await bench.drop();
  }
}

function showQuestions({ name }: BenchServer, results: readonly QuestionResult[], count = pointCount): void {
  for (const one of results) {
    if (one.p99Ms >= targets.p99Ms)
      missed.push(`${name}, ${count} points: ${one.question} p99 ${one.p99Ms.toFixed(1)} ms`);
  }
  show(`${name}, ${count} points: questions, ms (target: p99 under ${targets.p99Ms})`, results, [
    ['', ({ question }) => question],
    ['values', ({ values }) => String(values)],
    ['p50', ({ p50Ms }) => p50Ms.toFixed(1)],
    ['p99', ({ p99Ms }) => p99Ms.toFixed(1)],
    ['by hand, readings p50', ({ readingsP50Ms }) => readingsP50Ms.toFixed(1)],
    ['p99', ({ readingsP99Ms }) => readingsP99Ms.toFixed(1)],
    ['by hand, roll-ups p50', ({ rollUpsP50Ms }) => rollUpsP50Ms?.toFixed(1) ?? ''],
    ['p99', ({ rollUpsP99Ms }) => rollUpsP99Ms?.toFixed(1) ?? ''],
    ['met', ({ p99Ms }) => (p99Ms < targets.p99Ms ? 'yes' : 'NO')],
  ]);
}

function showAppend({ name }: BenchServer, when: string, result: AppendResult, count = pointCount): void {
  const isTarget = when === 'present';
  if (isTarget && result.ratio < targets.appendRatio)
    missed.push(`${name}, ${count} points: append ${result.ratio.toFixed(2)} of COPY`);
  show(
    `${name}, ${count} points: storing (target: ${targets.appendRatio} of COPY for present readings)`,
    [{ when, ...result }],
    [
      ['', (one) => `readings that are ${one.when}`],
      ['append/s', (one) => Math.round(one.appendedPerSecond).toLocaleString('en-US')],
      ['COPY/s', (one) => Math.round(one.copiedPerSecond).toLocaleString('en-US')],
      ['ratio', (one) => one.ratio.toFixed(2)],
      ['batch p99 ms', (one) => one.batchP99Ms.toFixed(1)],
      ['met', (one) => (!isTarget ? '' : one.ratio >= targets.appendRatio ? 'yes' : 'NO')],
    ],
  );
}

function showBytes({ name }: BenchServer, result: BytesResult): void {
  const target = result.look === 'noise' ? targets.noiseBytes : targets.statusBytes;
  const { compressedBytes } = result;
  if (compressedBytes !== null && compressedBytes >= target)
    missed.push(`${name}: ${compressedBytes.toFixed(2)} bytes a compressed reading (${result.look})`);
  show(
    `${name}: bytes a reading, index included (target: under ${target} compressed)`,
    [result],
    [
      ['', ({ look }) => (look === 'noise' ? 'noise at irregular times' : 'a status')],
      ['readings', ({ rows }) => String(rows)],
      ['raw', ({ rawBytes }) => rawBytes.toFixed(1)],
      ['compressed', () => compressedBytes?.toFixed(2) ?? ''],
      ['met', () => (compressedBytes === null ? '' : compressedBytes < target ? 'yes' : 'NO')],
    ],
  );
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0, not '${text}'`);
  return value;
}

function show<Row extends object>(title: string, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  showTable({ title, rows, columns, asJson: options.json });
}
