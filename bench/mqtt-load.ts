/**
 * The load generator: so many devices, each with a window of messages in flight, over raw sockets. A process of its own, so
 * that its work is not the program's, started by a benchmark with its options as JSON:
 *
 *   node bench/mqtt-load.ts '{"port": 1883, "username": …, "password": …, "clients": 100, "window": 100, …}'
 *
 * Each device sends a new message for each acknowledgement, or, where a rate is given, its part of it at each tick. What it has
 * measured is its one line of output, as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createHistogram } from './histogram.ts';
import { connectDevice, type Device } from './load-device.ts';
import type { Form } from './load-messages.ts';

export type LoadOptions = {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly site: string;
  readonly clients: number;
  readonly window: number;
  readonly qos: 0 | 1 | 2;
  readonly form: Form;
  /** In a message. */
  readonly readings: number;
  /** Messages a second of all devices together, whatever is in flight; absent: as many as the windows let through. */
  readonly ratePerSecond?: number;
  readonly warmSeconds: number;
  readonly seconds: number;
};

export type LoadResult = {
  /** Messages sent and acknowledged in all, and those acknowledged within the measured time. */
  readonly sent: number;
  readonly acknowledgedInAll: number;
  readonly acknowledged: number;
  /** Sent and not acknowledged when the generator gave up waiting; none of QoS 0. */
  readonly lost: number;
  readonly seconds: number;
  /** From the first message to the last acknowledgement, or until the last byte was written. */
  readonly secondsInAll: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
};

const drainMsMax = 60_000;
const connectingAtOnceMax = 100;
const tickMs = 5;

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
  const isRefilling = () => sending && options.ratePerSecond === undefined;
  const devices = await connectAll(options, { onAcknowledged, isRefilling });
  const beganAt = performance.now();
  if (options.ratePerSecond === undefined) for (const device of devices) device.send(options.window);
  else void keepRate(devices, options.ratePerSecond, () => sending);
  await sleep(options.warmSeconds * 1_000);
  const startedAt = performance.now();
  measuring = true;
  await sleep(options.seconds * 1_000);
  measuring = false;
  const seconds = (performance.now() - startedAt) / 1_000;
  sending = false;
  const deadline = performance.now() + drainMsMax;
  const sum = (count: (device: Device) => number) => devices.reduce((total, device) => total + count(device), 0);
  while (sum((device) => device.inFlight()) > 0 && performance.now() < deadline) await sleep(5);
  const secondsInAll = (performance.now() - beganAt) / 1_000;
  const lost = sum((device) => device.inFlight());
  for (const device of devices) device.end();
  return {
    sent: sum((device) => device.sent()),
    acknowledgedInAll,
    acknowledged,
    lost,
    seconds,
    secondsInAll,
    ackP50Ms: latencies.quantile(0.5),
    ackP99Ms: latencies.quantile(0.99),
  };
}

type Heard = { onAcknowledged: (latencyMs: number) => void; isRefilling: () => boolean };

async function connectAll(options: LoadOptions, heard: Heard): Promise<Device[]> {
  const { clients, site, qos, form, readings } = options;
  const devices: Device[] = [];
  for (let from = 0; from < clients; from += connectingAtOnceMax) {
    const some = Array.from({ length: Math.min(connectingAtOnceMax, clients - from) }, (_, i) =>
      connectDevice({ ...options, ...heard, sender: { site, client: from + i, clients, qos, form, readings } }),
    );
    devices.push(...(await Promise.all(some)));
  }
  return devices;
}

/** Sends at each tick what is due by then, one device after the other. */
async function keepRate(devices: readonly Device[], perSecond: number, isSending: () => boolean): Promise<void> {
  const beganAt = performance.now();
  let due = 0;
  for (let turn = 0; isSending(); ) {
    const untilNow = ((performance.now() - beganAt) / 1_000) * perSecond;
    const counts = new Map<Device, number>();
    for (; due < untilNow; due++, turn = (turn + 1) % devices.length) {
      const device = devices[turn] as Device;
      counts.set(device, (counts.get(device) ?? 0) + 1);
    }
    for (const [device, count] of counts) device.send(count);
    await sleep(tickMs);
  }
}
