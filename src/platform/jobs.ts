/**
 * Work that is woken by time: BullMQ on PostgreSQL, or on Redis when a URL is given. A schedule wakes its handler every
 * so often, on one of the processes that share the database. Wake-ups may be lost, doubled or late without harm: a
 * handler finds out by itself what there is to do, in a transaction.
 */
import { createPostgresBackend, Queue, Worker } from 'bullmq';
import type { Log } from './log.ts';

export type Jobs = {
  /**
   * Wakes `work` every `everyMs` milliseconds from now on, never twice at once within this process. An error of `work`
   * is logged and the next wake-up tries again. Work that may take long ends early once `closing` is aborted.
   */
  schedule(name: string, everyMs: number, work: Work): Promise<void>;
  /** Stops waking, and resolves when what is running has ended. */
  close(): Promise<void>;
};

export type Work = (closing: AbortSignal) => Promise<void>;

type Where = { readonly databaseUrl: string; readonly redisUrl?: string | undefined; readonly log: Log };

/** Opens the queues; on PostgreSQL they live in a schema `bullmq` of the same database. */
export function openJobs({ databaseUrl, redisUrl, log }: Where): Jobs {
  const opened: { close(): Promise<void> }[] = [];
  const closing = new AbortController();
  const { queueOf, workerOf } = redisUrl ? onRedis(redisUrl) : onPostgres(databaseUrl);

  return {
    schedule: async (name, everyMs, work) => {
      const complain = (error: Error) => {
        // A connection that ends while we close is what we asked for.
        if (!closing.signal.aborted) log.warn({ err: error, job: name }, 'a job could not be woken or ended badly');
      };
      const queue = queueOf(name);
      queue.on('error', complain);
      opened.push(queue);
      await queue.upsertJobScheduler(
        name,
        { every: everyMs },
        { opts: { removeOnComplete: true, removeOnFail: true } },
      );
      const worker = workerOf(name, () => work(closing.signal));
      worker.on('error', complain);
      worker.on('failed', (_job, error) => complain(error));
      opened.push(worker);
    },
    close: async () => {
      closing.abort();
      for (const part of opened.reverse()) await part.close();
    },
  };
}

/** Nobody reads BullMQ's own events; by default it keeps ten thousand of them a queue. */
const streams = { events: { maxLen: 100 } };

/** How soon a worker asks again after its queue was out of reach; by default 15 s, which a close waits for, too. */
const retryMs = 1_000;

function onPostgres(connectionString: string) {
  const options = { connection: { connectionString, schema: 'bullmq', migrate: true, max: 4 }, streams };
  return {
    queueOf: (name: string) => new Queue(name, options, createPostgresBackend),
    workerOf: (name: string, work: () => Promise<void>) =>
      new Worker(name, () => work(), { ...options, runRetryDelay: retryMs }, createPostgresBackend),
  };
}

function onRedis(url: string) {
  // BullMQ blocks on the worker's connection for ever, which ioredis allows only without a limit of retries.
  const options = { connection: { url, maxRetriesPerRequest: null }, streams };
  return {
    queueOf: (name: string) => new Queue(name, options),
    workerOf: (name: string, work: () => Promise<void>) =>
      new Worker(name, () => work(), { ...options, runRetryDelay: retryMs }),
  };
}
