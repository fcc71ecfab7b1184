/**
 * Messages are interpreted and committed whatever happens meanwhile. An error is one of two kinds:
 *
 *   the database is away, full, locked …   the same again, ever less often, until it is there again
 *   something cannot be read or stored     halves, each by itself, until the message is found and refused, or let go when
 *                                          even its refusal cannot be stored
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../platform/log.ts';
import type { IngestCounters } from './counters.ts';
import type { Message } from './message.ts';

/** Messages, at least one, and whatever they were found to mean. */
export type Part = { readonly messages: readonly Message[] };

export type CommitSteps<P extends Part> = {
  /** Finds out what messages mean; rejects when the database cannot be asked. Called for one after the other. */
  readonly interpret: (messages: readonly Message[]) => Promise<P>;
  /** Commits in one transaction; rejects when it cannot tell that all are stored. May be called again. */
  readonly commit: (parts: readonly P[], attempt: number) => Promise<void>;
  /** What two or more messages mean, in two parts. */
  readonly halve: (part: P) => readonly [P, P];
  /** That a message cannot be stored, as what is committed instead of it. */
  readonly refuse: (message: Message, error: unknown) => P;
  /** Whether an error is about these messages, and not about the state of the database. */
  readonly isPoison: (error: unknown) => boolean;
};

export type CommitOptions<P extends Part> = CommitSteps<P> & {
  /** Told, in order, of messages that are committed now. */
  readonly onCommitted: (messages: readonly Message[]) => void;
  /** True when the program cannot wait any longer. */
  readonly isGivenUp: () => boolean;
  readonly counters: IngestCounters;
  readonly log: Log;
};

const retryMsMin = 50;
const retryMsMax = 2_000;

/** Interprets messages; resolves with parts that hold all of them in their order, with none when the program gives up. */
export async function interpretUntilDone<P extends Part>(
  messages: readonly Message[],
  options: CommitOptions<P>,
): Promise<P[]> {
  const { interpret, refuse, isPoison, log } = options;
  for (let attempt = 0; !options.isGivenUp(); attempt++) {
    try {
      return [await interpret(messages)];
    } catch (error) {
      const [message] = messages;
      if (isPoison(error) && messages.length === 1 && message) {
        log.error({ err: error, topic: message.topic }, 'a message cannot be read; putting it into quarantine');
        return [refuse(message, error)];
      }
      if (isPoison(error)) {
        const [first, second] = halves(messages);
        return [...(await interpretUntilDone(first, options)), ...(await interpretUntilDone(second, options))];
      }
      await waitForNext(attempt, { options, error, messages });
    }
  }
  return [];
}

/** Commits parts; resolves when every message of them has been, or when the program gives up. */
export async function commitUntilDone<P extends Part>(parts: readonly P[], options: CommitOptions<P>): Promise<void> {
  const { commit, isPoison, log } = options;
  const messages = parts.length === 1 ? (parts[0] as P).messages : parts.flatMap((part) => part.messages);
  for (let attempt = 0; !options.isGivenUp(); attempt++) {
    try {
      await commit(parts, attempt);
      if (attempt > 0) log.info({ messages: messages.length, attempt }, 'a commit that failed has succeeded');
      return options.onCommitted(messages);
    } catch (error) {
      if (isPoison(error)) return isolate(parts, { options, error });
      await waitForNext(attempt, { options, error, messages });
    }
  }
}

type Failed<P extends Part> = { readonly options: CommitOptions<P>; readonly error: unknown };

async function isolate<P extends Part>(parts: readonly P[], failed: Failed<P>): Promise<void> {
  const { options } = failed;
  const [part] = parts;
  if (!part) return;
  if (parts.length === 1 && part.messages.length === 1) return refuseUntilDone(part, failed);
  const [first, second] = parts.length > 1 ? halves(parts) : options.halve(part).map((half) => [half]);
  await commitUntilDone(first as readonly P[], options);
  await commitUntilDone(second as readonly P[], options);
}

async function refuseUntilDone<P extends Part>({ messages }: P, { options, error }: Failed<P>): Promise<void> {
  const { commit, refuse, isPoison, counters, log } = options;
  const message = messages[0] as Message;
  const { topic } = message;
  log.error({ err: error, topic }, 'a message cannot be stored; putting it into quarantine');
  for (let attempt = 0; !options.isGivenUp(); attempt++) {
    try {
      await commit([refuse(message, error)], attempt);
      return options.onCommitted(messages);
    } catch (cause) {
      if (isPoison(cause)) {
        // Its tenant may be gone, or what is wrong with it is what quarantine would keep of it: nobody else waits for that.
        log.error({ err: cause, topic }, 'a message cannot be put into quarantine, either; letting it go');
        counters.quarantined.inc({ reason: 'not_storable' });
        counters.suppressed.inc();
        return options.onCommitted(messages);
      }
      await waitForNext(attempt, { options, error: cause, messages });
    }
  }
}

type Waiting<P extends Part> = Failed<P> & { readonly messages: readonly Message[] };

async function waitForNext<P extends Part>(attempt: number, { options, error, messages }: Waiting<P>): Promise<void> {
  options.counters.retried.inc();
  const detail = { err: error, messages: messages.length };
  if (attempt === 0) options.log.warn(detail, 'a commit failed; trying until it succeeds');
  await sleep(Math.min(retryMsMax, retryMsMin * 2 ** Math.min(attempt, 10)));
}

function halves<T>(all: readonly T[]): [readonly T[], readonly T[]] {
  const middle = Math.ceil(all.length / 2);
  return [all.slice(0, middle), all.slice(middle)];
}
