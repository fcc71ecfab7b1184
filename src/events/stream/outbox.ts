/**
 * What is on its way to one reader of a stream, at the reader's pace:
 *
 *   put ─▶ waiting (bounded) ─▶ written piece by piece, each when the socket has taken the one before ─▶ end
 *              │                             │
 *              └── full: told to resume      └── nothing taken for `stallMsMax`: cut
 *
 * What was begun is written to its end, with the position behind it, before a slow reader is told to come back: each time it
 * comes it gets further, and what it is sent then begins where it stopped.
 */
import type { ServerResponse } from 'node:http';
import { frame } from './feed.ts';

export type OutboxLimits = {
  /** UTF-16 units that wait behind what is being written. */
  readonly waitingMax: number;
  readonly stallMsMax: number;
  /** How often a quiet stream shows that it is there. */
  readonly heartbeatMs: number;
};
export const outboxLimits: OutboxLimits = { waitingMax: 1_000_000, stallMsMax: 60_000, heartbeatMs: 15_000 };

export type Outbox = {
  /** Sends events, all of them or, to one who is too slow, none; `id` is where the stream stands after them. */
  put(events: readonly string[], id: string): void;
  /** Sends a last event, and ends when what is being written has been. */
  end(type: 'resume' | 'closed', reason: string): void;
  /** Whether the socket has taken all that was put. */
  readonly isIdle: boolean;
  /** Whether nothing more is sent. */
  readonly isEnded: boolean;
};

type Part = { readonly events: readonly string[]; readonly id: string; readonly size: number };

const pieceSize = 65_536;
const retryMs = 3_000;

/** Begins the body of a stream that stands at `firstId`, on a response whose head has been written. */
export function createOutbox(
  response: ServerResponse,
  { firstId, limits }: { firstId: string; limits: OutboxLimits },
): Outbox {
  const waiting: Part[] = [];
  let waitingSize = 0;
  let isWriting = false;
  let lastId = firstId;
  let last: string | undefined;
  const isEnded = () => last !== undefined || response.closed;

  const writeAll = async () => {
    isWriting = true;
    for (let part = waiting.shift(); part !== undefined && !response.closed; part = waiting.shift()) {
      waitingSize -= part.size;
      for (const piece of piecesOf(part)) if (!response.write(piece)) await drained(response, limits.stallMsMax);
      lastId = part.id;
    }
    isWriting = false;
    if (last !== undefined) response.end(last);
  };
  const start = () => {
    if (!isWriting) void writeAll().catch(() => response.destroy());
  };
  const end: Outbox['end'] = (type, reason) => {
    if (isEnded()) return;
    last = `${frame(type, { reason })}\n`;
    waiting.splice(0);
    waitingSize = 0;
    const cut = setTimeout(() => response.destroy(), limits.stallMsMax);
    response.once('close', () => clearTimeout(cut));
    start();
  };
  const heartbeat = setInterval(() => {
    // A comment keeps proxies from taking the stream for dead; an id alone moves the position of a quiet one.
    if (!isWriting && !isEnded() && !response.writableNeedDrain) response.write(`: \nid: ${lastId}\n\n`);
  }, limits.heartbeatMs);
  response.once('close', () => clearInterval(heartbeat));
  response.write(`retry: ${retryMs}\nid: ${firstId}\n\n`);
  return {
    put: (events, id) => {
      if (isEnded()) return;
      if (events.length === 0) {
        if (!isWriting) lastId = id;
        return;
      }
      const size = events.reduce((sum, text) => sum + text.length, 0);
      if (waiting.length > 0 && waitingSize + size > limits.waitingMax) {
        end('resume', 'too_slow');
        return;
      }
      waiting.push({ events, id, size });
      waitingSize += size;
      start();
    },
    end,
    get isIdle() {
      return !isWriting && !response.writableNeedDrain;
    },
    get isEnded() {
      return isEnded();
    },
  };
}

/** The events of a part in pieces that end with an event; the last event moves the position. */
function* piecesOf({ events, id }: Part): Generator<string> {
  let piece = '';
  for (const [i, text] of events.entries()) {
    piece += i === events.length - 1 ? `id: ${id}\n${text}\n` : `${text}\n`;
    if (piece.length < pieceSize) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** Resolves when a response takes more, or has been closed; rejects when neither happens in time. */
function drained(response: ServerResponse, msMax: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('the reader takes nothing')), msMax);
  const go = () => resolve();
  response.once('drain', go).once('close', go);
  if (response.closed) go();
  return promise.finally(() => {
    clearTimeout(timer);
    response.off('drain', go).off('close', go);
  });
}
