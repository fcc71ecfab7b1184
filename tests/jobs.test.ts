import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { openJobs } from '../src/platform/jobs.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase } from './support/database.ts';
import { eventually } from './support/program.ts';
import { hasRedis, needsRedis, startRedis } from './support/redis.ts';
import { openStallingProxy } from './support/stalling-proxy.ts';

const log = createLog('silent');

const backends = [
  { name: 'PostgreSQL', run: true },
  { name: 'Redis', run: hasRedis },
];

describe.each(backends)('jobs on $name', ({ name, run }) => {
  test.skipIf(!run)(
    `wake their work again and again, also after it has failed, and stop when closed${name === 'Redis' ? needsRedis : ''}`,
    async () => {
      const database = await createTestDatabase();
      const redis = name === 'Redis' ? await startRedis() : undefined;
      const jobs = openJobs({ databaseUrl: database.url, redisUrl: redis?.url, log });
      let woken = 0;
      await jobs.schedule('count', 100, async () => {
        woken++;
        if (woken === 2) throw new Error('once');
      });
      await eventually('five wake-ups', async () => (woken >= 5 ? true : undefined));
      await jobs.close();
      const atClose = woken;
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(woken).toBe(atClose);
      await redis?.stop();
      await database.drop();
    },
  );
});

test('jobs that close tell work that is under way, and wait for it', async () => {
  const database = await createTestDatabase();
  const jobs = openJobs({ databaseUrl: database.url, log });
  const told: string[] = [];
  await jobs.schedule('long', 100, async (closing) => {
    told.push('begun');
    await once(closing, 'abort');
    told.push('ended');
  });
  await eventually('the work', async () => told[0]);
  await jobs.close();
  expect(told).toEqual(['begun', 'ended']);
  await database.drop();
});

test('a database that vanishes without a word keeps jobs from being woken no longer than a statement may take', async () => {
  const own = await createTestDatabase();
  const proxy = await openStallingProxy(own.url);
  const jobs = openJobs({ databaseUrl: proxy.url, log, statementMsMax: 500, closeMsMax: 200 });
  let woken = 0;
  await jobs.schedule('count', 3_000, async () => {
    woken++;
  });
  await eventually('a wake-up', async () => (woken > 0 ? true : undefined));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const before = woken;
  proxy.stall();
  await eventually('another after a while', async () => (woken > before ? true : undefined));
  await jobs.close();
  await proxy.close();
  await own.drop();
});
