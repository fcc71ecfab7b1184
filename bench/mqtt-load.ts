/**
 * The load generator: so many devices, each with a window of QoS 1 messages in flight, over raw sockets. A process of its
 * own, so that its work is not the program's, started by a benchmark with its options as JSON:
 *
 *   node bench/mqtt-load.ts '{"port": 1883, "username": …, "password": …, "clients": 100, "window": 100, …}'
 *
 * Each device sends a new message for each acknowledgement, of its next point, with the time of now; a point's times only
 * ever increase, so that each message is a row of its own. What it has measured is its one line of output, as JSON.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket from 'mqtt-packet';

export type LoadOptions = {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly site: string;
  readonly clients: number;
  readonly window: number;
  readonly warmSeconds: number;
  readonly seconds: number;
};

export type LoadResult = {
  /** Messages acknowledged in all, and those among them within the measured time. */
  readonly acknowledgedInAll: number;
  readonly acknowledged: number;
  /** Sent and not acknowledged when the generator gave up waiting. */
  readonly lost: number;
  readonly seconds: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
};

const pointsPerClient = 10;
const timeDigits = 13;
const drainMsMax = 30_000;
const bucketsPerMs = 20;
const latencyMsMax = 60_000;

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions;
  process.stdout.write(`${JSON.stringify(await run(options))}\n`);
}

async function run(options: LoadOptions): Promise<LoadResult> {
  const latencies = createHistogram();
  let acknowledgedInAll = 0;
  let acknowledged = 0;
  let measuring = false;
  let sending = true;
  const onAcknowledged = (latencyMs: number) => {
    acknowledgedInAll++;
    if (!measuring) return;
    acknowledged++;
    latencies.add(latencyMs);
  };
  const devices = await Promise.all(
    Array.from({ length: options.clients }, (_, index) =>
      connectDevice(index, { options, onAcknowledged, isSending: () => sending }),
    ),
  );
  for (const device of devices) device.start();
  await sleep(options.warmSeconds * 1_000);
  const startedAt = performance.now();
  measuring = true;
  await sleep(options.seconds * 1_000);
  measuring = false;
  const seconds = (performance.now() - startedAt) / 1_000;
  sending = false;
  const deadline = performance.now() + drainMsMax;
  const inFlight = () => devices.reduce((sum, device) => sum + device.inFlight(), 0);
  while (inFlight() > 0 && performance.now() < deadline) await sleep(5);
  const lost = inFlight();
  for (const device of devices) device.end();
  return {
    acknowledgedInAll,
    acknowledged,
    lost,
    seconds,
    ackP50Ms: latencies.quantile(0.5),
    ackP99Ms: latencies.quantile(0.99),
  };
}

type Device = { start(): void; inFlight(): number; end(): void };
type DeviceOptions = { options: LoadOptions; onAcknowledged: (latencyMs: number) => void; isSending: () => boolean };

async function connectDevice(index: number, { options, onAcknowledged, isSending }: DeviceOptions): Promise<Device> {
  const socket = connect(options.port, options.host).setNoDelay(true);
  await connected(socket, index, options);
  const messages = Array.from({ length: pointsPerClient }, (_, point) => createMessage(options.site, index, point));
  const sentAt = new Float64Array(65_536);
  let nextId = 1;
  let nextPoint = 0;
  let inFlight = 0;
  let rest: Buffer = Buffer.alloc(0);

  const send = (count: number) => {
    const now = performance.now();
    const packets: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const messageId = nextId;
      nextId = nextId === 65_535 ? 1 : nextId + 1;
      sentAt[messageId] = now;
      packets.push((messages[nextPoint] as Message).packet(messageId));
      nextPoint = (nextPoint + 1) % pointsPerClient;
    }
    inFlight += count;
    socket.write(Buffer.concat(packets));
  };

  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const now = performance.now();
    let at = 0;
    // PUBACK is four bytes: 0x40, 2, and the packet identifier.
    for (; at + 4 <= bytes.length; at += 4) {
      if (bytes[at] !== 0x40) throw new Error(`expected a PUBACK, and got ${bytes.toString('hex', at, at + 4)}`);
      onAcknowledged(now - (sentAt[bytes.readUInt16BE(at + 2)] as number));
    }
    rest = bytes.subarray(at);
    inFlight -= at / 4;
    if (isSending() && at > 0) send(at / 4);
  });
  return { start: () => send(options.window), inFlight: () => inFlight, end: () => socket.destroy() };
}

async function connected(socket: Socket, index: number, { username, password }: LoadOptions): Promise<void> {
  const packet = mqttPacket.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: `bench-${index}`,
    clean: true,
    keepalive: 0,
    username,
    password: Buffer.from(password),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the broker closed the connection')));
    socket.once('data', (connack: Buffer) => {
      if (connack[3] === 0) resolve();
      else reject(new Error(`the broker refused the connection with return code ${connack[3]}`));
    });
    socket.write(packet);
  });
}

type Message = { packet(messageId: number): Buffer };

/** A PUBLISH made once by mqtt-packet, of which each copy has its own packet identifier and time. */
function createMessage(site: string, client: number, point: number): Message {
  const template = mqttPacket.generate({
    cmd: 'publish',
    qos: 1,
    dup: false,
    retain: false,
    messageId: 1,
    topic: `telemetry/${site}/bench-${client}/point-${point}`,
    payload: `{"value":${(20 + point / 8).toFixed(3)},"time":${'0'.repeat(timeDigits)}}`,
  });
  // The fixed header is two bytes here, then the topic with its length, then the identifier.
  const idAt = 2 + 2 + template.readUInt16BE(2);
  const timeAt = template.length - 1 - timeDigits;
  let lastMs = 0;
  return {
    packet: (messageId) => {
      lastMs = Math.max(lastMs + 1, Date.now());
      const packet = Buffer.from(template);
      packet.writeUInt16BE(messageId, idAt);
      packet.write(String(lastMs), timeAt, 'latin1');
      return packet;
    },
  };
}

/** Latencies in buckets of a twentieth of a millisecond. */
function createHistogram() {
  const buckets = new Uint32Array(latencyMsMax * bucketsPerMs + 1);
  let count = 0;
  return {
    add: (ms: number) => {
      const bucket = Math.min(buckets.length - 1, Math.floor(ms * bucketsPerMs));
      buckets[bucket] = (buckets[bucket] as number) + 1;
      count++;
    },
    quantile: (fraction: number) => {
      let seen = 0;
      for (const [bucket, n] of buckets.entries()) {
        seen += n;
        if (seen >= count * fraction) return (bucket + 1) / bucketsPerMs;
      }
      return Number.NaN;
    },
  };
}
