/** Requests by autocannon: at an even rate, for latencies, and as fast as they are answered, for rates. */
import autocannon from 'autocannon';
import { createHistogram } from './histogram.ts';

/** What one kind of request is: `next` gives the next one to be sent. */
export type Asked = { readonly url: string; readonly next: () => autocannon.Request };

export type Latency = { readonly p50Ms: number; readonly p99Ms: number; readonly wrong: number };

/** Each of them sends so many requests a second. */
const ratePerConnection = 5;
const connectionsAtFullRate = 10;
/** So many different ones are sent in turn. */
const requestsPerConnection = 100;

/**
 * Latencies at an even rate. autocannon sends all requests of a second of a connection at once, when that second begins; so there are
 * many connections with few requests each, whose seconds begin one after the other. Its own histogram has whole milliseconds, so
 * each answer's time goes into ours.
 */
export async function measureLatency(
  asked: Asked,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Latency> {
  const histogram = createHistogram();
  let wrong = 0;
  const connections = Math.max(1, Math.round(rate / ratePerConnection));
  const runs = Array.from({ length: connections }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, (index * 1_000) / connections));
    await run(asked, { connections: 1, overallRate: ratePerConnection, duration: seconds }, (status, ms) => {
      histogram.add(ms);
      if (status >= 300) wrong += 1;
    });
  });
  await Promise.all(runs);
  return { p50Ms: histogram.quantile(0.5), p99Ms: histogram.quantile(0.99), wrong };
}

/** How many requests a second are answered at most. */
export async function measureRate(asked: Asked, seconds: number): Promise<{ perSecond: number; wrong: number }> {
  let wrong = 0;
  const { requests } = await run(asked, { connections: connectionsAtFullRate, duration: seconds }, (status) => {
    if (status >= 300) wrong += 1;
  });
  return { perSecond: requests.average, wrong };
}

function run(
  { url, next }: Asked,
  options: Partial<autocannon.Options>,
  onAnswer: (status: number, ms: number) => void,
): Promise<autocannon.Result> {
  const requests = Array.from({ length: requestsPerConnection }, next);
  return new Promise((resolve, reject) => {
    const instance = autocannon({ url, requests, ...options }, (error, result) =>
      error ? reject(error) : resolve(result),
    );
    instance.on('response', (_client, status, _bytes, ms) => onAnswer(status, ms));
    instance.on('reqError', () => onAnswer(599, Number.NaN));
  });
}
