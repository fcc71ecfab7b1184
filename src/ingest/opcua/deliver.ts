/**
 * From what a server sent to the intake, and back with what became of it:
 *
 *   batch ─▶ messages ─▶ intake ─▶ settled, all of them ─▶ committed through the time at which the server sent the batch
 *                                    └─ one was dropped ─▶ a gap is recorded first
 *
 * Batches are settled in the order in which they came, so what is committed has no hole but those that are recorded.
 */
import type { Device } from '../../access/device.ts';
import type { Intake } from '../intake/intake.ts';
import type { Message, Origin } from '../intake/message.ts';
import type { FoundGap, Value } from './connection.ts';
import { topicOf } from './connections/set-connection.ts';
import type { OpcuaCounters } from './counters.ts';
import { encodeValues } from './values.ts';

export type Deliver = {
  /** Values that a server sent at `publishedMs`, by its clock. Rejects where they were not kept, once that is recorded. */
  live(values: readonly Value[], publishedMs: number): Promise<void>;
  /** Values out of its history. Rejects where they were not kept; nothing is recorded then. */
  history(values: readonly Value[]): Promise<void>;
};

export type DeliverOptions = {
  readonly intake: Pick<Intake, 'offer'>;
  readonly counters: OpcuaCounters;
  readonly connectionId: string;
  readonly device: Device;
  /** Before the first batch: through when an earlier run had committed; null where none has. */
  readonly throughMs: number | null;
  /** Told, in order, through when everything is committed, and the latest time of a value in it. */
  onCommitted(throughMs: number, lastValueMs: number | null): void;
  /** Resolves when the gap is recorded; tried until it is. */
  recordGap(gap: FoundGap): Promise<void>;
};

type Batch = {
  readonly publishedMs: number;
  readonly values: number;
  readonly lastValueMs: number | null;
  left: number;
  state: 'under way' | 'kept' | 'dropped';
  readonly done: PromiseWithResolvers<void>;
};

/** Batches of one connection. */
export function createDeliver(options: DeliverOptions): Deliver {
  const { counters, recordGap, onCommitted } = options;
  const batches: Batch[] = [];
  let throughMs = options.throughMs;
  let isRecording = false;

  const advance = () => {
    while (batches[0] && batches[0].state !== 'under way' && !isRecording) {
      const [first] = batches;
      if (first.state === 'dropped') return void recordDropped();
      batches.shift();
      throughMs = Math.max(throughMs ?? 0, first.publishedMs);
      counters.committed.inc(first.values);
      if (first.values > 0) counters.lag.observe(Math.max(0, Date.now() - first.publishedMs) / 1_000);
      onCommitted(throughMs, first.lastValueMs);
      first.done.resolve();
    }
  };
  const recordDropped = async () => {
    isRecording = true;
    const end = batches.findIndex(({ state }) => state !== 'dropped');
    const dropped = batches.slice(0, end < 0 ? batches.length : end);
    const toMs = Math.max(...dropped.map(({ publishedMs }) => publishedMs));
    const gap = { itemId: null, fromMs: Math.min(throughMs ?? toMs, toMs), toMs, reason: 'not_kept' } as const;
    try {
      await recordGap(gap);
    } catch {
      return; // Closed meanwhile: an unrecorded gap is never passed, so it begins the next run.
    } finally {
      for (const { done } of dropped) done.reject(new Error('values could not be kept'));
    }
    isRecording = false;
    batches.splice(0, dropped.length);
    throughMs = Math.max(throughMs ?? 0, toMs);
    advance();
  };

  const offer = createOffer(options);
  return {
    live: (values, publishedMs) => {
      const payloads = encodeValues(values);
      const batch: Batch = {
        publishedMs,
        values: values.length,
        lastValueMs: values.reduce<number | null>((latest, { timeMs }) => Math.max(latest ?? timeMs, timeMs), null),
        left: payloads.length,
        state: payloads.length === 0 ? 'kept' : 'under way',
        done: Promise.withResolvers(),
      };
      batches.push(batch);
      counters.received.inc(values.length);
      let isKept = true;
      offer(payloads, (isOneKept) => {
        isKept &&= isOneKept;
        batch.left--;
        if (batch.left > 0) return;
        batch.state = isKept ? 'kept' : 'dropped';
        advance();
      });
      if (payloads.length === 0) advance();
      return batch.done.promise;
    },
    history: (values) => {
      const payloads = encodeValues(values);
      counters.fromHistory.inc(values.length);
      const done = Promise.withResolvers<void>();
      let left = payloads.length;
      if (left === 0) done.resolve();
      offer(payloads, (isKept) => {
        left--;
        if (!isKept) done.reject(new Error('values out of history could not be kept'));
        else if (left === 0) done.resolve();
      });
      return done.promise;
    },
  };
}

type Offer = (payloads: readonly Buffer[], onSettled: (isKept: boolean) => void) => void;

function createOffer({ intake, connectionId, device }: DeliverOptions): Offer {
  const topic = topicOf(connectionId);
  const waiting = new Map<Message, (isKept: boolean) => void>();
  const origin: Origin = {
    device,
    settle: (message, { isCommitted, isSpooled = false }) => {
      const onSettled = waiting.get(message);
      waiting.delete(message);
      onSettled?.(isCommitted || isSpooled);
    },
    flush: () => {},
  };
  return (payloads, onSettled) => {
    for (const payload of payloads) {
      const message: Message = {
        origin,
        topic,
        payload,
        receivedMs: Date.now(),
        qos: 0,
        messageId: undefined,
        isRepeated: false,
        isSpoolable: true,
      };
      waiting.set(message, onSettled);
      intake.offer(message);
    }
  };
}
