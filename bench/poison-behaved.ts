/** Clients that behave: together they send so many messages a second at QoS 1, evenly, whatever else the program has to do. */
import mqttPacket, { type Packet } from 'mqtt-packet';
import { admitted, type Door } from '../tests/support/poison-clients.ts';

type Measured = { readonly perSecond: number; readonly p99Ms: number; readonly ms: number };

export type Behaved = {
  /** The rate of acknowledgements, and how long they took, while something else goes on. */
  measure(during: () => Promise<void>): Promise<Measured>;
  /** Ends them; resolves with how many messages were never acknowledged. */
  stop(): Promise<number>;
};

const beatMs = 20;
const settleMs = 5_000;

/** Starts them; each has a connection of its own. */
export async function startBehaved(door: Door, { clients, rate }: { clients: number; rate: number }): Promise<Behaved> {
  const firstMs = Date.now() - 3_600_000;
  let sent = 0;
  let acknowledged = 0;
  let latencies: number[] = [];
  const sockets = await Promise.all(Array.from({ length: clients }, (_, n) => admitted(door, `behaved-${n}`)));
  const sentAt = sockets.map(() => new Map<number, number>());
  for (const [n, socket] of sockets.entries()) {
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on('packet', ({ cmd, messageId = 0 }) => {
      if (cmd !== 'puback') return;
      acknowledged++;
      latencies.push(performance.now() - (sentAt[n]?.get(messageId) ?? 0));
      sentAt[n]?.delete(messageId);
    });
    socket.on('data', (chunk) => parser.parse(chunk));
  }
  const startedAt = performance.now();
  const beat = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) * rate) / 1_000);
    for (; sent < due; sent++) {
      const n = sent % clients;
      const messageId = (Math.floor(sent / clients) % 60_000) + 1;
      sentAt[n]?.set(messageId, performance.now());
      const payload = JSON.stringify({ value: sent, time: firstMs + sent });
      const topic = `telemetry/north/behaved-${n}/p`;
      sockets[n]?.write(mqttPacket.generate({ cmd: 'publish', topic, payload, qos: 1, messageId } as Packet));
    }
  }, beatMs);
  return {
    measure: async (during) => {
      const before = acknowledged;
      latencies = [];
      const from = performance.now();
      await during();
      const ms = performance.now() - from;
      const sorted = latencies.toSorted((a, b) => a - b);
      const p99Ms = Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0);
      return { perSecond: ((acknowledged - before) * 1_000) / ms, p99Ms, ms };
    },
    stop: async () => {
      clearInterval(beat);
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      for (const socket of sockets) socket.destroy();
      return sent - acknowledged;
    },
  };
}
