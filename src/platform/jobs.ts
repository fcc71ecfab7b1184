/**
 * Work that is woken by time: BullMQ on PostgreSQL, or on Redis when a URL is given. A schedule wakes its handler every
 * so often, on one of the processes that share the database. Wake-ups may be lost, doubled or late without harm: a
 * handler finds out by itself what there is to do, in a transaction.
 */
import { createPostgresBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { connectionsTo } from './database.ts';
import type { Log } from './log.ts';
import { pause } from './pause.ts';
import { naming } from './setting-errors.ts';

export type Jobs = {
  /**
   * Wakes `work` every `everyMs` milliseconds from now on, never twice at once within this process. An error of `work`
   * is logged and the next wake-up tries again. Work that may take long ends early once `closing` is aborted. Rejects,
   * naming the setting, when Redis does not answer.
   */
  schedule(name: string, everyMs: number, work: Work): Promise<void>;
  /** Stops waking, and resolves when what is running has ended. */
  close(): Promise<void>;
};

export type Work = (closing: AbortSignal) => Promise<void>;

type Where = {
  readonly databaseUrl: string;
  readonly redisUrl?: string | undefined;
  readonly log: Log;
  /** How long one statement of PostgreSQL's may take. */
  readonly statementMsMax?: number;
  /** How long `close` waits for PostgreSQL once no work is running. */
  readonly closeMsMax?: number;
};

/** Opens the queues; on PostgreSQL they live in a schema `bullmq` of the same database. */
export function openJobs({ databaseUrl, redisUrl, log, statementMsMax, closeMsMax = 10_000 }: Where): Jobs {
  const opened: { close(): Promise<void> }[] = [];
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  const { queueOf, workerOf, requireReady, cut } = redisUrl
    ? onRedis(redisUrl)
    : onPostgres(databaseUrl, statementMsMax);
  let ready: Promise<void> | undefined;
  const run = async (work: Work) => {
    if (closing.signal.aborted) return;
    const ending = work(closing.signal);
    running.add(ending);
    await ending.finally(() => running.delete(ending));
  };

  return {
    schedule: async (name, everyMs, work) => {
      const complain = (error: Error) => {
        // A connection that ends while we close is what we asked for.
        if (!closing.signal.aborted) log.warn({ err: error, job: name }, 'a job could not be woken or ended badly');
      };
      ready ??= requireReady();
      await ready;
      const queue = queueOf(name);
      queue.on('error', complain);
      opened.push(queue);
      await queue.upsertJobScheduler(
        name,
        { every: everyMs },
        { opts: { removeOnComplete: true, removeOnFail: true } },
      );
      const worker = workerOf(name, () => run(work));
      worker.on('error', complain);
      worker.on('failed', (_job, error) => complain(error));
      opened.push(worker);
    },
    close: async () => {
      closing.abort();
      await Promise.allSettled(running);
      const late = setTimeout(cut, closeMsMax);
      for (const part of opened.reverse()) await part.close();
      clearTimeout(late);
    },
  };
}

/** Nobody reads BullMQ's own events; by default it keeps ten thousand of them a queue. */
const streams = { events: { maxLen: 100 } };

/** How soon a worker asks again after its queue was out of reach; by default 15 s, which a close waits for, too. */
const retryMs = 1_000;

function onPostgres(url: string, statementMsMax: number | undefined) {
  const { settings, cut } = connectionsTo(url, statementMsMax);
  const options = { connection: { ...settings, schema: 'bullmq', migrate: true, max: 4 }, streams };
  return {
    requireReady: async () => {},
    cut,
    queueOf: (name: string) => new Queue(name, options, createPostgresBackend),
    workerOf: (name: string, work: () => Promise<void>) =>
      new Worker(name, () => work(), { ...options, runRetryDelay: retryMs }, createPostgresBackend),
  };
}

function onRedis(url: string) {
  // BullMQ blocks on the worker's connection for ever, which ioredis allows only without a limit of retries.
  const options = { connection: { url, maxRetriesPerRequest: null }, streams };
  return {
    requireReady: () => requireRedis(url),
    cut: () => {},
    queueOf: (name: string) => new Queue(name, options),
    workerOf: (name: string, work: () => Promise<void>) =>
      new Worker(name, () => work(), { ...options, runRetryDelay: retryMs }),
  };
}

/** A Redis that is started together with us has so long to answer. */
const answerMsMax = 10_000;

/** Rejects, naming the setting, unless Redis answers: BullMQ would wait for it for ever. */
async function requireRedis(url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  const answered = new AbortController();
  let trouble = `no answer within ${answerMsMax / 1_000} s`;
  redis.on('error', ({ message }) => {
    trouble = message;
  });
  try {
    await naming('REDIS_URL', async () => {
      const pong = redis.ping().catch(({ message }: Error) => {
        trouble = message;
      });
      const answer = await Promise.race([pong, pause(answerMsMax, answered.signal)]);
      if (answer === undefined)
        throw new Error(
          `${trouble}; it must be redis://host:port of a Redis that answers, or absent for jobs in PostgreSQL`,
        );
    });
  } finally {
    answered.abort();
    redis.disconnect();
  }
}
