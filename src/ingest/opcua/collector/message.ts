/** One notification message of a subscription, and what is in it. */
import {
  DataChangeNotification,
  type PublishResponse,
  type RepublishResponse,
  StatusChangeNotification,
} from 'node-opcua-client';
import { readSample, type Sample } from './sample.ts';

export type Message = {
  readonly subscriptionId: number;
  /** Of a keep-alive: that of the next message. */
  readonly sequence: number;
  /** When the server sent it, by its clock. */
  readonly publishedMs: number;
  /** The server's queues were empty after it: what it has not sent then is younger. */
  readonly isLast: boolean;
  readonly samples: readonly Sample[];
  readonly isKeepAlive: boolean;
  /** The name of the StatusCode with which the subscription ended; null where it has not. */
  readonly ended: string | null;
  /** What the server still has of the subscription, unacknowledged. */
  readonly available: readonly number[];
};

/** Out of the answer to a Publish, or to a Republish, which does not say whether there is more. */
export function readMessage(
  subscriptionId: number,
  answer: PublishResponse | RepublishResponse,
  arrivedMs: number,
): Message {
  const { notificationMessage } = answer;
  const samples: Sample[] = [];
  let ended: string | null = null;
  const parts = notificationMessage.notificationData ?? [];
  for (const part of parts) {
    if (part instanceof DataChangeNotification) {
      for (const { clientHandle, value } of part.monitoredItems ?? []) {
        samples.push(readSample(clientHandle, value, arrivedMs));
      }
    } else if (part instanceof StatusChangeNotification) {
      ended = part.status.name;
    }
  }
  const isPublished = 'moreNotifications' in answer;
  return {
    subscriptionId,
    sequence: notificationMessage.sequenceNumber,
    publishedMs: timeOf(notificationMessage.publishTime) ?? timeOf(answer.responseHeader.timestamp) ?? arrivedMs,
    isLast: isPublished && !answer.moreNotifications,
    samples,
    isKeepAlive: parts.length === 0,
    ended,
    available: isPublished ? (answer.availableSequenceNumbers ?? []) : [],
  };
}

/** The times of OPC-UA begin in 1601: servers that leave one out say so. */
function timeOf(date: Date | null | undefined): number | null {
  const ms = date?.getTime() ?? 0;
  return ms > 0 ? ms : null;
}

/** Sequence numbers begin with 1, and with 1 again after the last that 32 bits hold (OPC 10000-4, 7.26). */
export function nextSequence(sequence: number): number {
  return sequence >= 0xffff_ffff ? 1 : sequence + 1;
}

/** Whether one sequence number comes before another, less than half of all away. */
export function isBefore(sequence: number, other: number): boolean {
  return sequence !== other && (other - sequence) >>> 0 < 0x8000_0000;
}
