import { type Message, weightBytes } from './message.ts';

/** Messages in the order in which they came, weighed; what has been taken counts until it is released. */
export type MessageQueue = {
  push(message: Message): void;
  /** The first messages, up to the limits of a batch; none when the queue is empty. */
  take(): readonly Message[];
  /** What was taken last is committed, or given up. */
  release(): void;
  isFull(): boolean;
  length(): number;
};

export type QueueLimits = {
  readonly queueBytesMax: number;
  readonly batchMessagesMax: number;
  readonly batchBytesMax: number;
};

/** An empty queue. It takes more than `queueBytesMax` when it is given more: asking first is the caller's part. */
export function createMessageQueue({ queueBytesMax, batchMessagesMax, batchBytesMax }: QueueLimits): MessageQueue {
  let queue: Message[] = [];
  let queuedBytes = 0;
  let takenBytes = 0;
  return {
    push: (message) => {
      queue.push(message);
      queuedBytes += weightBytes(message);
    },
    take: () => {
      let count = 0;
      let bytes = 0;
      while (count < queue.length && count < batchMessagesMax && bytes < batchBytesMax) {
        bytes += weightBytes(queue[count] as Message);
        count++;
      }
      const batch = count === queue.length ? queue : queue.slice(0, count);
      queue = count === queue.length ? [] : queue.slice(count);
      queuedBytes -= bytes;
      takenBytes = bytes;
      return batch;
    },
    release: () => {
      takenBytes = 0;
    },
    isFull: () => queuedBytes + takenBytes >= queueBytesMax,
    length: () => queue.length,
  };
}
