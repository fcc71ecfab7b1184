/**
 * A batch is committed whatever happens meanwhile. An error is one of two kinds:
 *
 *   the database is away, full, locked …   the same batch again, ever less often, until it is there again
 *   the batch holds something unstorable   halves, each by itself, until the message is found and set aside, or let go
 *                                          when even that cannot be stored
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../platform/log.ts';
import type { IngestCounters } from './counters.ts';
import type { Message } from './message.ts';

export type CommitSteps = {
  /** Commits messages in one transaction; rejects when it cannot tell that they are stored. May be called again. */
  readonly commit: (messages: readonly Message[], attempt: number) => Promise<void>;
  /** Whether an error of `commit` is about these messages, and not about the state of the database. */
  readonly isPoison: (error: unknown) => boolean;
  /** Commits only that the message was not storable. */
  readonly setAside: (message: Message, error: unknown) => Promise<void>;
};

export type CommitOptions = CommitSteps & {
  /** Told, in order, of messages that are committed now. */
  readonly onCommitted: (messages: readonly Message[]) => void;
  /** True when the program cannot wait any longer. */
  readonly isGivenUp: () => boolean;
  readonly counters: IngestCounters;
  readonly log: Log;
};

const retryMsMin = 50;
const retryMsMax = 2_000;

/** Commits a batch; resolves when every message of it has been, or when the program gives up. */
export async function commitUntilDone(batch: readonly Message[], options: CommitOptions): Promise<void> {
  const { commit, isPoison, counters, log } = options;
  for (let attempt = 0; !options.isGivenUp(); attempt++) {
    try {
      await commit(batch, attempt);
      if (attempt > 0) log.info({ messages: batch.length, attempt }, 'a commit that failed has succeeded');
      return options.onCommitted(batch);
    } catch (error) {
      if (isPoison(error)) return isolate(batch, { options, error });
      counters.retried.inc();
      if (attempt === 0) log.warn({ err: error, messages: batch.length }, 'a commit failed; trying until it succeeds');
      await sleep(waitMs(attempt));
    }
  }
}

type Poisoned = { readonly options: CommitOptions; readonly error: unknown };

async function isolate(batch: readonly Message[], { options, error }: Poisoned): Promise<void> {
  const [message] = batch;
  if (batch.length > 1) {
    const middle = Math.ceil(batch.length / 2);
    await commitUntilDone(batch.slice(0, middle), options);
    return commitUntilDone(batch.slice(middle), options);
  }
  if (message) await setAsideUntilDone(message, { options, error });
}

async function setAsideUntilDone(message: Message, { options, error }: Poisoned): Promise<void> {
  const { setAside, isPoison, counters, log } = options;
  log.error({ err: error, topic: message.topic }, 'a message cannot be stored; putting it into quarantine');
  for (let attempt = 0; !options.isGivenUp(); attempt++) {
    try {
      await setAside(message, error);
      return options.onCommitted([message]);
    } catch (cause) {
      if (isPoison(cause)) {
        // Its tenant may be gone, or what is wrong with it is what quarantine would keep of it: nobody else waits for that.
        log.error(
          { err: cause, topic: message.topic },
          'a message cannot be put into quarantine, either; letting it go',
        );
        counters.quarantined.inc({ reason: 'not_storable' });
        counters.suppressed.inc();
        return options.onCommitted([message]);
      }
      counters.retried.inc();
      log.error({ err: cause }, 'a message could not be put into quarantine; trying again');
      await sleep(waitMs(attempt));
    }
  }
}

function waitMs(attempt: number): number {
  return Math.min(retryMsMax, retryMsMin * 2 ** Math.min(attempt, 10));
}
