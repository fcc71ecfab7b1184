/**
 * How fast values of an OPC-UA server become durable, and what that takes of the processor, beside a bare subscription of
 * node-opcua-client that does nothing with its values: from the same server, one after the other, in one run.
 *
 *   npm run bench:opcua                                    1,000 and 10,000 items
 *   npm run bench:opcua -- --items 5000 --rate 10000       other numbers of items, and an even rate of values/s
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onEnd } from './ended.ts';
import { type Means, type Measured, measureBare, measureProgram } from './opcua-measure.ts';
import { startLoad } from './opcua-others.ts';
import { startBenchProgram } from './program.ts';

const { values: flags } = parseArgs({
  options: {
    items: { type: 'string', default: '1000,10000' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});

const failures: string[] = [];
let isFirst = true;
for (const items of flags.items.split(',').map(Number)) {
  const asked = { items, seconds: Number(flags.seconds), ratePerSecond: Number(flags.rate) };
  const durable = await withLoad(asked, async (means) => {
    const program = await startBenchProgram({ LOG_LEVEL: 'error' });
    try {
      return await measureProgram(program, means);
    } finally {
      await program.stop();
    }
  });
  report(items, durable, await withLoad(asked, measureBare));
}
for (const failure of failures) process.stderr.write(`wrong: ${failure}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;

/** A server each, since the program leaves its subscriptions there for the next start. */
async function withLoad<T>(asked: Omit<Means, 'load' | 'folder'>, work: (means: Means) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-bench-opcua-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const forget = onEnd(remove);
  const load = await startLoad(asked.items, folder);
  try {
    return await work({ ...asked, load, folder });
  } finally {
    load.stop();
    await remove();
    forget();
  }
}

function report(items: number, durable: Measured, bare: Measured): void {
  failures.push(...durable.failures.map((failure) => `${items} items: ${failure}`));
  const line = {
    bench: 'opcua',
    items,
    valuesPerSecond: Math.round(durable.perSecond),
    barePerSecond: Math.round(bare.perSecond),
    ratio: rounded(durable.perSecond / bare.perSecond, 3),
    evenPerSecond: Math.round(durable.evenPerSecond),
    programUsPerValue: rounded(durable.ownUsPerValue, 1),
    databaseUsPerValue: rounded(durable.databaseUsPerValue, 1),
    serverUsPerValue: rounded(durable.serverUsPerValue, 1),
    bareUsPerValue: rounded(bare.ownUsPerValue, 1),
    timesBare: rounded(durable.ownUsPerValue / bare.ownUsPerValue, 1),
  };
  if (flags.json) {
    console.log(JSON.stringify(line));
    return;
  }
  const cells: [string, number, unknown][] = [
    ['items', 7, items],
    ['durable/s', 11, line.valuesPerSecond.toLocaleString('en')],
    ['bare/s', 11, line.barePerSecond.toLocaleString('en')],
    ['ratio', 7, line.ratio],
    ['even/s', 9, line.evenPerSecond.toLocaleString('en')],
    ['program us', 12, line.programUsPerValue],
    ['database us', 13, line.databaseUsPerValue],
    ['server us', 11, line.serverUsPerValue],
    ['bare us', 9, line.bareUsPerValue],
    ['times bare', 12, line.timesBare],
  ];
  if (isFirst) console.log(cells.map(([name, width]) => name.padStart(width)).join(''));
  isFirst = false;
  console.log(cells.map(([, width, value]) => String(value).padStart(width)).join(''));
}

function rounded(value: number, digits: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
