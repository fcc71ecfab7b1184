/**
 * Clients that behave, at QoS 1. Some send so many messages a second, evenly, whatever else the program has to do; others always
 * have their window full, and send the next message when one is acknowledged.
 */
import type { Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { admitted, type Door } from '../tests/support/poison-clients.ts';

type Measured = { readonly perSecond: number; readonly p99Ms: number; readonly ms: number };

export type Behaved = {
  /** The rate of acknowledgements, and how long they took, while something else goes on. */
  measure(during: () => Promise<void>): Promise<Measured>;
  /** Ends them; resolves with how many messages were never acknowledged. */
  stop(): Promise<number>;
};

export type BehavedOptions = { readonly name: string; readonly clients: number } & (
  | { readonly perSecond: number }
  | { readonly window: number }
);

const beatMs = 20;
const settleMs = 5_000;

/** Starts them; each has a connection and a point of its own. */
export async function startBehaved(door: Door, { name, clients, ...pace }: BehavedOptions): Promise<Behaved> {
  const sockets = await Promise.all(Array.from({ length: clients }, (_, n) => admitted(door, `${name}-${n}`)));
  const senders = sockets.map((socket, n) => createSender(socket, `telemetry/north/${name}-${n}/p`));
  const sum = (count: (sender: Sender) => number) => senders.reduce((total, sender) => total + count(sender), 0);
  const stopSending = 'window' in pace ? keepFull(senders, pace.window) : keepPace(senders, pace.perSecond);
  return {
    measure: async (during) => {
      const before = sum((sender) => sender.acknowledged());
      for (const sender of senders) sender.takeLatencies();
      const from = performance.now();
      await during();
      const ms = performance.now() - from;
      const sorted = Float64Array.from(senders.flatMap((sender) => sender.takeLatencies())).sort();
      const p99Ms = Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0);
      return { perSecond: ((sum((sender) => sender.acknowledged()) - before) * 1_000) / ms, p99Ms, ms };
    },
    stop: async () => {
      stopSending();
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      for (const socket of sockets) socket.destroy();
      return sum((sender) => sender.inFlight());
    },
  };
}

type Sender = {
  send(count: number): void;
  acknowledged(): number;
  inFlight(): number;
  /** Those since it was asked last, in milliseconds. */
  takeLatencies(): number[];
  onAcknowledged(listener: (count: number) => void): void;
};

function createSender(socket: Socket, topic: string): Sender {
  const sentAt = new Map<number, number>();
  let timeUs = 0;
  const nextTimeUs = () => {
    timeUs = Math.max(timeUs + 1, Date.now() * 1_000);
    return timeUs;
  };
  let messageId = 0;
  let acknowledged = 0;
  let latencies: number[] = [];
  let listener: (count: number) => void = () => undefined;
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', ({ cmd, messageId: id = 0 }) => {
    if (cmd !== 'puback') return;
    acknowledged++;
    latencies.push(performance.now() - (sentAt.get(id) ?? 0));
    sentAt.delete(id);
  });
  socket.on('data', (chunk) => {
    const before = acknowledged;
    parser.parse(chunk);
    listener(acknowledged - before);
  });
  return {
    send: (count) => {
      const now = performance.now();
      const packets = Array.from({ length: count }, () => {
        messageId = (messageId % 60_000) + 1;
        sentAt.set(messageId, now);
        const payload = JSON.stringify({ value: messageId, time: nextTimeUs() });
        return mqttPacket.generate({ cmd: 'publish', topic, payload, qos: 1, messageId } as Packet);
      });
      if (count > 0) socket.write(Buffer.concat(packets));
    },
    acknowledged: () => acknowledged,
    inFlight: () => sentAt.size,
    takeLatencies: () => {
      const taken = latencies;
      latencies = [];
      return taken;
    },
    onAcknowledged: (next) => {
      listener = next;
    },
  };
}

function keepFull(senders: readonly Sender[], window: number): () => void {
  let isSending = true;
  for (const sender of senders) {
    sender.onAcknowledged((count) => {
      if (isSending) sender.send(count);
    });
    sender.send(window);
  }
  return () => {
    isSending = false;
  };
}

function keepPace(senders: readonly Sender[], perSecond: number): () => void {
  const startedAt = performance.now();
  let sent = 0;
  const beat = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000);
    for (; sent < due; sent++) senders[sent % senders.length]?.send(1);
  }, beatMs);
  return () => clearInterval(beat);
}
