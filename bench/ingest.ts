/**
 * How fast readings become durable, from PUBLISH to the acknowledgement, beside three other numbers of the same run: the rate at
 * which one connection inserts the same rows, a bare broker that stores nothing, and the same one used the usual way.
 *
 *   npm run bench                                      the cases of ingest-cases.ts; --all: every combination
 *   npm run bench -- --clients 100 --window 100        one case, of --qos 0|1|2, --readings 1|10, --sparkplug
 *   npm run bench -- --alone                           without the bare broker and the usual way
 *   npm run bench -- --mqtt mqtt://user:password@host:port --site main --database postgresql://…     a program that runs already
 */
import { parseArgs } from 'node:util';
import { type Case, cases, listAllCases } from './ingest-cases.ts';
import { type Measured, measureCase } from './ingest-measure.ts';
import { measureInsertLimit } from './insert-limit.ts';
import { type BenchProgram, startBenchProgram } from './program.ts';

const { values: flags } = parseArgs({
  options: {
    clients: { type: 'string' },
    window: { type: 'string' },
    qos: { type: 'string' },
    readings: { type: 'string' },
    sparkplug: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    mqtt: { type: 'string' },
    site: { type: 'string', default: 'main' },
    database: { type: 'string' },
  },
});

const failures: string[] = [];
let isFirst = true;
const program = flags.mqtt && flags.database ? running(flags.mqtt, flags.database) : await startBenchProgram();
try {
  let limitPerSecond: number | undefined;
  for (const asked of chosen()) {
    const measured = await measureCase(program, asked, {
      site: flags.site,
      seconds: Number(flags.seconds),
      withOthers: !flags.alone,
    });
    limitPerSecond ??= (await measureInsertLimit(program.databaseUrl)).rowsPerSecond;
    report(asked, measured, limitPerSecond);
  }
} finally {
  await program.stop();
}
for (const failure of failures) process.stderr.write(`wrong: ${failure}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;

function chosen(): readonly Case[] {
  const { clients, window, qos, readings, sparkplug } = flags;
  if (clients === undefined && window === undefined && qos === undefined && readings === undefined && !sparkplug)
    return flags.all ? listAllCases() : cases;
  const level = Number(qos ?? 1);
  if (level !== 0 && level !== 1 && level !== 2) throw new Error(`--qos must be 0, 1 or 2, not ${qos}`);
  const many = { clients: Number(clients ?? 100), window: Number(window ?? 100), qos: level } as const;
  return [
    sparkplug
      ? { ...many, form: 'sparkplug', readings: 20 }
      : { ...many, form: 'json', readings: Number(readings ?? 1) },
  ];
}

function report(asked: Case, measured: Measured, limitPerSecond: number): void {
  const { durable, half, barePerSecond, usualPerSecond } = measured;
  const { clients, window, qos, form, readings } = asked;
  failures.push(...measured.failures.map((failure) => `${clients} devices, QoS ${qos}: ${failure}`));
  const line = {
    bench: 'ingest',
    qos,
    clients,
    window,
    form,
    readingsPerMessage: readings,
    readingsPerSecond: Math.round(durable.perSecond),
    limitPerSecond: Math.round(limitPerSecond),
    ratio: rounded(durable.perSecond / limitPerSecond, 3),
    barePerSecond: whole(barePerSecond),
    usualPerSecond: whole(usualPerSecond),
    timesUsual: usualPerSecond === undefined ? null : rounded(durable.perSecond / usualPerSecond, 2),
    ackP50Ms: rounded(durable.ackP50Ms, 1),
    ackP99Ms: rounded(durable.ackP99Ms, 1),
    halfLoadP99Ms: half === undefined ? null : rounded(half.ackP99Ms, 1),
  };
  if (flags.json) {
    console.log(JSON.stringify(line));
    return;
  }
  const cells: [string, number, unknown][] = [
    ['QoS', 4, qos],
    ['devices', 8, clients],
    ['in flight', 10, window],
    ['a message', 13, form === 'json' ? `${readings} JSON` : `${readings} Sparkplug`],
    ['durable/s', 11, thousands(line.readingsPerSecond)],
    ['limit/s', 10, thousands(line.limitPerSecond)],
    ['ratio', 7, line.ratio],
    ['usual/s', 10, thousands(line.usualPerSecond)],
    ['times', 6, line.timesUsual ?? '-'],
    ['bare/s', 11, thousands(line.barePerSecond)],
    ['p50 ms', 8, shown(line.ackP50Ms)],
    ['p99 ms', 8, shown(line.ackP99Ms)],
    ['p99 at half', 12, shown(line.halfLoadP99Ms)],
  ];
  if (isFirst) console.log(cells.map(([name, width]) => name.padStart(width)).join(''));
  isFirst = false;
  console.log(cells.map(([, width, value]) => String(value).padStart(width)).join(''));
}

function running(mqttUrl: string, databaseUrl: string): BenchProgram {
  return { mqttUrl, databaseUrl, stop: async () => undefined };
}

function whole(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value);
}

function rounded(value: number, digits: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}

function thousands(value: number | null): string {
  return value === null ? '-' : value.toLocaleString('en');
}

function shown(value: number | null): string {
  return value === null ? '-' : String(value);
}
