/**
 * What was asked of the broker under a packet identifier, until it has answered:
 *
 *   SUBSCRIBE ─▶ SUBACK      PUBLISH, QoS 1 ─▶ PUBACK
 *   UNSUBSCRIBE ─▶ UNSUBACK  PUBLISH, QoS 2 ─▶ PUBREC ─▶ PUBREL ─▶ PUBCOMP
 */
import type { Packet } from 'mqtt-packet';

export type Exchanges = {
  /** Sends what `build` makes with a free identifier; resolves with the answer, rejects when the connection ends first. */
  ask(build: (messageId: number) => Packet): Promise<Packet>;
  /** Takes a packet that answers; false for one that answers nothing. */
  answer(packet: Packet): boolean;
  /** How long the oldest question has waited, in milliseconds. */
  waitingMs(): number;
  /** The connection has ended: nothing will be answered any more. */
  fail(error: Error): void;
};

type Question = {
  readonly resolve: (answer: Packet) => void;
  readonly reject: (error: Error) => void;
  readonly askedAt: number;
};

/** Fewer than a broker must take at once when it says nothing (MQTT 5, 3.2.2.3.3). */
const questionsMax = 1_000;
const identifiers = 65_535;
const answers: ReadonlySet<string> = new Set(['puback', 'pubrec', 'pubcomp', 'suback', 'unsuback']);

/** No questions yet; `send` writes a packet, `atOnceMax` is how many the broker takes. */
export function createExchanges(send: (packet: Packet) => void, atOnceMax: number): Exchanges {
  const waiting = new Map<number, Question>();
  const limit = Math.min(atOnceMax, questionsMax);
  let last = 0;

  return {
    ask: (build) => {
      if (waiting.size >= limit) return Promise.reject(new Error(`the broker has ${limit} packets to answer`));
      do last = (last % identifiers) + 1;
      while (waiting.has(last));
      const messageId = last;
      return new Promise((resolve, reject) => {
        waiting.set(messageId, { resolve, reject, askedAt: performance.now() });
        send(build(messageId));
      });
    },
    answer: (packet) => {
      if (!answers.has(packet.cmd)) return false;
      const messageId = packet.messageId ?? 0;
      const question = waiting.get(messageId);
      if (packet.cmd === 'pubrec' && question && (packet.reasonCode ?? 0) < 0x80) {
        send({ cmd: 'pubrel', messageId });
        return true;
      }
      waiting.delete(messageId);
      question?.resolve(packet);
      return true;
    },
    waitingMs: () => {
      const [oldest] = waiting.values();
      return oldest ? performance.now() - oldest.askedAt : 0;
    },
    fail: (error) => {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
  };
}
