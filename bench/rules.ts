/**
 * How fast rules are evaluated: `npm run bench:rules`. See README.md here for what the numbers mean.
 *
 *   --part a,b,c,d   only these        --assets N   asset-years of part (d), ten unless said        --json   one object a line
 */
import { parseArgs } from 'node:util';
import { benchHistory, type HistoryResult } from './rules-history.ts';
import { benchBackTest, benchLive, type KernelResult } from './rules-kernel.ts';
import { benchLiveTick, type LiveResult } from './rules-live.ts';
import { type Column, showTable } from './show-table.ts';

const { values: options } = parseArgs({
  options: {
    part: { type: 'string', default: 'a,b,c,d' },
    assets: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const parts = new Set(options.part.split(','));
const failures: string[] = [];

/** What people use today takes on the machine for which the numbers in README.md were measured, in seconds. */
const others = {
  tick: [
    ['Prometheus', 0.16],
    ['the rules as SQL', 0.25],
  ],
  year: [
    ["vmalert's replay", 1.3],
    ['pandas over SQL', 1.9],
    ['pandas over CSV', 2.1],
    ['window functions in SQL', 3.7],
  ],
  tenYears: [["vmalert's replay", 10.2]],
} as const;

const sources = { database: 'the database', 'days in order': 'its days in order', csv: 'CSV' } as const;

if (parts.has('a'))
  showKernel([benchLive(1000, 300), benchLive(10_000, 60), benchBackTest(1000, 2880), benchBackTest(10_000, 2880)]);
if (parts.has('b')) showLive(await benchLiveTick(1000, 40));
const say = (line: string) => process.stderr.write(`${line}\n`);
if (parts.has('c')) showYear(await benchHistory(1, say));
if (parts.has('d')) showYears(await benchHistory(Math.max(2, Number(options.assets)), say));
for (const failure of failures) process.stderr.write(`wrong: ${failure}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;

function showKernel(results: KernelResult[]): void {
  for (const { way, assets, opened, closureOpened } of results)
    check(opened === closureOpened, `${way}, ${assets} assets: ${opened} episodes, ${closureOpened} by hand`);
  show('(a) the kernel: 10 rules on 10 points an asset, one core', results, [
    ['', ({ way, assets }) => `${way}, ${assets} assets`],
    ['M readings/s', (one) => (one.readingsPerSecond / 1e6).toFixed(1)],
    ['M evaluations/s', (one) => (one.evaluationsPerSecond / 1e6).toFixed(1)],
    ['by hand', (one) => (one.closureReadingsPerSecond / 1e6).toFixed(1)],
    ['ratio', (one) => (one.readingsPerSecond / one.closureReadingsPerSecond).toFixed(2)],
    ['an asset at this size', (one) => growthOf(one, results)],
    ['episodes', ({ opened }) => String(opened)],
  ]);
}

/** The time of an asset's tick against that of the smallest plant: 1.00 is linear growth. */
function growthOf({ way, readingsPerSecond }: KernelResult, results: KernelResult[]): string {
  const smallest = results.find((one) => one.way === way) as KernelResult;
  return `x ${(smallest.readingsPerSecond / readingsPerSecond).toFixed(2)}`;
}

function showLive(result: LiveResult): void {
  show(
    '(b) a live tick, database and all',
    [result],
    [
      ['', ({ assets, rules, points }) => `${assets} assets, ${rules} rules, ${points} points`],
      ['median s', ({ medianMs }) => (medianMs / 1000).toFixed(3)],
      ['slowest s', ({ slowestMs }) => (slowestMs / 1000).toFixed(3)],
      ['reading s', ({ readingMs }) => (readingMs / 1000).toFixed(3)],
      ['episodes', ({ opened }) => String(opened)],
    ],
  );
  compare(result.medianMs / 1000, others.tick);
}

function showYear(results: HistoryResult[]): void {
  showHistory('(c) a back-test of one asset-year, reading included', results);
  compare(Math.max(...results.map(({ seconds }) => seconds)), others.year);
}

function showYears(results: HistoryResult[]): void {
  const [stored, logs] = results as [HistoryResult, HistoryResult];
  const inOrder = results.find(({ from, assets }) => from === 'days in order' && assets === stored.assets) ?? stored;
  check(inOrder.insights === stored.insights, `${inOrder.insights} insights from days in order`);
  showHistory(`(d) a back-test of ${stored.assets} asset-years, and of one among them, reading included`, results);
  if (stored.assets === 10) compare(Math.max(inOrder.seconds, logs.seconds), others.tenYears);
}

/** The first two are of the same assets, from the database and from CSV. */
function showHistory(title: string, results: HistoryResult[]): void {
  const [stored, logs] = results as [HistoryResult, HistoryResult];
  check(stored.insights === logs.insights, `${stored.insights} insights from the database, ${logs.insights} from CSV`);
  for (const { assets, readings } of results)
    check(readings === assets * 5_256_000, `${readings} readings of ${assets} assets`);
  show(title, results, [
    ['', ({ assets, from }) => `${assets} asset-year${assets > 1 ? 's' : ''} from ${sources[from]}`],
    ['threads', ({ workers }) => String(workers)],
    ['s', ({ seconds }) => seconds.toFixed(2)],
    ['M readings/s', (each) => (each.readingsPerSecond / 1e6).toFixed(1)],
    ['kernel s', ({ kernelSeconds }) => kernelSeconds.toFixed(2)],
    ['insights', ({ insights }) => String(insights)],
  ]);
}

function compare(seconds: number, measured: readonly (readonly [string, number])[]): void {
  if (options.json) return;
  for (const [name, theirs] of measured)
    process.stdout.write(`  ${name}: ${theirs} s, ${(theirs / seconds).toFixed(1)} times this\n`);
}

function check(isRight: boolean, what: string): void {
  if (!isRight) failures.push(what);
}

function show<Row extends object>(title: string, rows: readonly Row[], columns: readonly Column<Row>[]): void {
  showTable({ title, rows, columns, asJson: options.json });
}
