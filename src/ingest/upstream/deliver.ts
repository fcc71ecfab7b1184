/** From what a broker delivers on one connection to the intake, and back to the broker with the acknowledgements. */
import type { Device } from '../../access/device.ts';
import type { IngestCounters } from '../intake/counters.ts';
import type { Intake } from '../intake/intake.ts';
import type { Message, Origin } from '../intake/message.ts';
import { createAcknowledgements } from '../mqtt/packets/answers.ts';
import type { Delivery } from './packets.ts';

export type DeliverOptions = {
  readonly intake: Intake;
  readonly counters: IngestCounters;
  /** On whose behalf we are connected; undefined when that device is gone, and its connection is about to end. */
  readonly device: () => Device | undefined;
  /** Messages under way, of this connection and those before it. */
  readonly load: { waiting: number };
  /** Sends acknowledgements on the connection: on another one an identifier means another message. */
  readonly write: (bytes: Buffer) => void;
  /** Whether we are about to leave: what is delivered now is left to whoever comes next. */
  readonly isStopped: () => boolean;
  /** There may be room for more. */
  readonly resume: () => void;
};

/** Takes one message; with `isRead` false it is acknowledged in its turn, and nothing else. */
export type Deliver = (delivery: Delivery, isRead: boolean) => void;

/** Hands messages to the intake in the order in which they come; their acknowledgements go out in one write a commit. */
export function createDeliver(options: DeliverOptions): Deliver {
  const { intake, counters, device, load, write, isStopped, resume } = options;
  const origins = new WeakMap<Device, Origin>();
  const acknowledgements = createAcknowledgements();

  const originOf = (of: Device): Origin => {
    const known = origins.get(of);
    if (known) return known;
    const origin: Origin = {
      device: of,
      settle: ({ qos, messageId }: Message, { isCommitted }) => {
        load.waiting--;
        if (!isCommitted || qos === 0 || messageId === undefined) return;
        acknowledgements.add(qos, messageId);
      },
      flush: () => {
        const bytes = acknowledgements.take();
        if (bytes) write(bytes);
        resume();
      },
    };
    origins.set(of, origin);
    return origin;
  };

  return ({ topic, payload, qos, messageId, tooLargeBytes }, isRead) => {
    const of = device();
    if (!of || isStopped()) {
      if (qos === 0) counters.dropped.inc();
      return;
    }
    load.waiting++;
    counters.received.inc({ qos });
    intake.offer({
      origin: originOf(of),
      topic,
      payload,
      receivedMs: Date.now(),
      qos,
      messageId,
      isRepeated: !isRead,
      ...(tooLargeBytes !== undefined && { tooLargeBytes }),
    });
  };
}
