/** The same questions as bare SQL on connections of our own: what PostgreSQL takes for them, with nothing around it. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Latency } from './api-load.ts';
import { createHistogram } from './histogram.ts';

export type Statement = { readonly text: string; readonly next: () => unknown[] };

const connections = 10;

/** Latencies at an even rate, and the greatest rate. */
export async function measureStatement(
  databaseUrl: string,
  statement: Statement,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Latency & { perSecond: number }> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  const ask = () => pool.query({ name: 'bench', text: statement.text, values: statement.next() });
  try {
    await Promise.all(Array.from({ length: connections }, ask));
    return { ...(await atRate(ask, { rate, seconds })), perSecond: await atFullRate(ask, seconds / 2) };
  } finally {
    await pool.end();
  }
}

async function atRate(
  ask: () => Promise<unknown>,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Latency> {
  const histogram = createHistogram();
  const underWay: Promise<void>[] = [];
  const begin = performance.now();
  for (let sent = 0; sent < rate * seconds; sent += 1) {
    const waitMs = begin + (sent * 1_000) / rate - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const at = performance.now();
    underWay.push(ask().then(() => histogram.add(performance.now() - at)));
  }
  await Promise.all(underWay);
  return { p50Ms: histogram.quantile(0.5), p99Ms: histogram.quantile(0.99), wrong: 0 };
}

async function atFullRate(ask: () => Promise<unknown>, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  let answered = 0;
  const asking = Array.from({ length: connections }, async () => {
    for (; performance.now() < end; answered += 1) await ask();
  });
  await Promise.all(asking);
  return answered / seconds;
}
