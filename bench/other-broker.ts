/**
 * A broker library as people use it, for comparison in the same run; a process of its own:
 *
 *   node bench/other-broker.ts bare                    acknowledges, reads nothing, stores nothing
 *   node bench/other-broker.ts usual postgresql://…    the usual way: publish events into an array, written every 100 ms with `unnest`;
 *                                                      what is acknowledged and not written yet is lost with the process
 *
 * It prints its port, and at SIGTERM, once all is written, how many rows it has written; then it ends.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';
import pg from 'pg';
import { get } from 'sparkplug-payload';

const flushMs = 100;
const rowsAtOnceMax = 10_000;

type Row = { series: number; timeMs: number; value: number };

const [way, databaseUrl] = process.argv.slice(2);
const broker = await Aedes.createBroker({ queueLimit: 100_000 });
const close = way === 'usual' ? await storeTheUsualWay(databaseUrl as string) : async () => 0;
const server = createServer(broker.handle);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
process.once('SIGTERM', async () => {
  process.stdout.write(`${await close()}\n`);
  process.exit(0);
});

async function storeTheUsualWay(url: string): Promise<() => Promise<number>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('drop table if exists bench_usual');
  await client.query(
    'create table bench_usual (series_id integer, time timestamptz, value float8, primary key (series_id, time))',
  );
  const series = new Map<string, number>();
  const rows: Row[] = [];
  let written = 0;
  let flushing: Promise<void> | undefined;
  const idOf = (name: string) => {
    const known = series.get(name);
    if (known !== undefined) return known;
    series.set(name, series.size + 1);
    return series.size;
  };
  broker.on('publish', ({ topic, payload }, from) => {
    if (from) rows.push(...readRows(topic, payload as Buffer, idOf));
  });
  const flush = async () => {
    while (rows.length > 0) {
      const batch = rows.splice(0, rowsAtOnceMax);
      const { rowCount } = await client.query({
        name: 'usual',
        text: `insert into bench_usual select * from unnest($1::int4[], $2::timestamptz[], $3::float8[]) on conflict do nothing`,
        values: [
          batch.map(({ series: id }) => id),
          batch.map(({ timeMs }) => new Date(timeMs)),
          batch.map(({ value }) => value),
        ],
      });
      written += rowCount ?? 0;
    }
  };
  const timer = setInterval(() => {
    flushing ??= flush().finally(() => (flushing = undefined));
  }, flushMs);
  return async () => {
    clearInterval(timer);
    await flushing;
    await flush();
    await client.query('drop table bench_usual');
    await client.end();
    return written;
  };
}

function readRows(topic: string, payload: Buffer, idOf: (name: string) => number): Row[] {
  if (topic.startsWith('spBv1.0/')) return topic.includes('/NDATA/') ? readMetrics(topic, payload, idOf) : [];
  const { time, value, values } = JSON.parse(payload.toString()) as {
    time: number;
    value?: number;
    values?: Record<string, number>;
  };
  if (values === undefined) return [{ series: idOf(topic), timeMs: time, value: value as number }];
  return Object.entries(values).map(([name, one]) => ({ series: idOf(`${topic}/${name}`), timeMs: time, value: one }));
}

const sparkplug = get('spBv1.0');

function readMetrics(topic: string, payload: Buffer, idOf: (name: string) => number): Row[] {
  const { timestamp, metrics } = sparkplug?.decodePayload(payload) ?? {};
  const timeMs = Number(timestamp);
  return (metrics ?? []).map(({ alias, value }) => ({
    series: idOf(`${topic}/${alias}`),
    timeMs,
    value: Number(value),
  }));
}
