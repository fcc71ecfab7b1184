/**
 * Between the doors and the database: one queue, committed batch after batch, never on a timer. While one batch is on its
 * way to the disk the next one gathers, so that a slow disk makes bigger batches and not a longer wait.
 *
 *   door ─offer─▶ queue ─take─▶ batch ─commit─▶ settle each, in order ─▶ flush each origin once
 *                   │             └─ database away: the same batch again, nothing is acknowledged meanwhile
 *                   └─ full: doors stop reading; QoS 0 that comes nevertheless is dropped and counted
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../platform/log.ts';
import type { IngestCounters } from './counters.ts';
import type { Message } from './message.ts';
import { createMessageQueue } from './message-queue.ts';
import { type CommitSteps, commitUntilDone } from './persistent-commit.ts';

export type Intake = {
  /** Takes a message; one of QoS 0 is dropped when the queue is full. The door must not offer more while `isFull`. */
  offer(message: Message): void;
  isFull(): boolean;
  /** Calls `listener` whenever a full queue has room again. */
  onRoom(listener: () => void): void;
  /** Takes nothing more; resolves with true once everything has been committed, with false after `waitMsMax`. */
  drain(waitMsMax: number): Promise<boolean>;
};

export type IntakeOptions = CommitSteps & { readonly counters: IngestCounters; readonly log: Log };

const limits = { queueBytesMax: 64 * 1_024 * 1_024, batchMessagesMax: 5_000, batchBytesMax: 8 * 1_024 * 1_024 };

/** Starts an empty intake; it works as soon as something is offered. */
export function createIntake(options: IntakeOptions): Intake {
  const { counters, log } = options;
  const queue = createMessageQueue(limits);
  const roomListeners: (() => void)[] = [];
  let working: Promise<void> | undefined;
  let isClosed = false;
  let isGivenUp = false;
  const commitOptions = { ...options, onCommitted: settle, isGivenUp: () => isGivenUp };

  const work = async () => {
    // Everything that comes in the same turn of the event loop goes into the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (queue.length() > 0 && !isGivenUp) {
      const wasFull = queue.isFull();
      await commitUntilDone(queue.take(), commitOptions);
      queue.release();
      counters.waiting.set(queue.length());
      if (wasFull && !queue.isFull()) for (const listener of roomListeners) listener();
    }
    working = undefined;
  };

  return {
    offer: (message) => {
      if (isClosed || (message.qos === 0 && queue.isFull())) {
        counters.dropped.inc();
        message.origin.settle(message, { isCommitted: false });
        return;
      }
      queue.push(message);
      working ??= work();
    },
    isFull: queue.isFull,
    onRoom: (listener) => {
      roomListeners.push(listener);
    },
    drain: async (waitMsMax) => {
      isClosed = true;
      const timer = new AbortController();
      const timeout = sleep(waitMsMax, true, { signal: timer.signal }).catch(() => true); // Aborted: it lost the race.
      isGivenUp = await Promise.race([Promise.resolve(working).then(() => false), timeout]);
      timer.abort();
      if (isGivenUp) log.error({ messages: queue.length() }, 'closing with messages neither stored nor acknowledged');
      return !isGivenUp;
    },
  };
}

function settle(batch: readonly Message[]): void {
  const origins = new Set<Message['origin']>();
  for (const message of batch) {
    message.origin.settle(message, { isCommitted: true });
    origins.add(message.origin);
  }
  for (const origin of origins) origin.flush();
}
