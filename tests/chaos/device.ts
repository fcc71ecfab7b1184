/**
 * A device that sends numbered readings and does not give up: it connects again whenever it is cut off or refused, sends
 * again what is not acknowledged, now and then sends twice what is, and breaks off in the middle of a packet when told so.
 */
import { connect, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { connectPacket } from '../support/mqtt-client.ts';
import { credentials } from '../support/program.ts';
import type { Random } from '../support/random.ts';

export type ChaosDevice = {
  readonly asset: string;
  readonly qos: 0 | 1 | 2;
  /** Numbers of readings, 0 to `sent()` - 1; one of QoS 0 has none acknowledged. */
  readonly acknowledged: ReadonlySet<number>;
  sent(): number;
  /** Messages that wait for an acknowledgement. */
  inFlight(): number;
  /** Readings that were acknowledged and have been sent again. */
  repeated(): number;
  /** Times that it was told to come back later. */
  refused(): number;
  /** Breaks off in the middle of a packet. */
  cut(): void;
  /** Sends nothing new from now on. */
  finish(): void;
  /** Sends the readings that were acknowledged last once more; returns how many. */
  repeat(count: number): number;
  end(): void;
};

type Options = {
  readonly asset: string;
  readonly qos: 0 | 1 | 2;
  readonly firstMs: number;
  readonly perSecond: number;
  readonly window: number;
  readonly port: () => number;
  readonly random: Random;
};

const tickMs = 50;
const repeatedShare = 0.02;
/** A client that connects more often than 15 times a minute is banned. */
const againMs = { min: 1_000, max: 4_000 };

type Flight = { readonly n: number; readonly isRepeat: boolean; isReleased: boolean };

type State = {
  readonly options: Options;
  readonly acknowledged: Set<number>;
  readonly inFlight: Map<number, Flight>;
  readonly counts: { sent: number; repeated: number; refused: number };
  socket: Socket | undefined;
  isReady: boolean;
  isFinishing: boolean;
  isEnded: boolean;
  lastId: number;
  /** So many readings may be sent now. */
  allowance: number;
  again: NodeJS.Timeout | undefined;
};

/** Starts a device; reading n has the value n and the time `firstMs` + n. */
export function startChaosDevice(options: Options): ChaosDevice {
  const { asset, qos, random } = options;
  const state: State = {
    options,
    acknowledged: new Set(),
    inFlight: new Map(),
    counts: { sent: 0, repeated: 0, refused: 0 },
    socket: undefined,
    isReady: false,
    isFinishing: false,
    isEnded: false,
    lastId: 0,
    allowance: 0,
    again: undefined,
  };
  const { acknowledged, inFlight, counts } = state;
  const timer = setInterval(() => tick(state), tickMs);
  open(state);
  return {
    asset,
    qos,
    acknowledged,
    sent: () => counts.sent,
    inFlight: () => inFlight.size,
    repeated: () => counts.repeated,
    refused: () => counts.refused,
    cut: () => {
      if (!state.isReady || state.isFinishing) return;
      const bytes = take(counts.sent++, false, state);
      const { socket } = state;
      socket?.write(bytes.subarray(0, 1 + Math.floor(random() * (bytes.length - 1))), () => socket.destroy());
    },
    finish: () => {
      state.isFinishing = true;
    },
    repeat: (count) => {
      const last = state.isReady && qos > 0 ? [...acknowledged].slice(-count) : [];
      for (const n of last) repeat(n, state);
      return last.length;
    },
    end: () => {
      state.isEnded = true;
      clearTimeout(state.again);
      clearInterval(timer);
      state.socket?.destroy();
    },
  };
}

function open(state: State): void {
  const { asset, port, random } = state.options;
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (packet) => receive(packet, state));
  const socket = connect(port(), '127.0.0.1').setNoDelay(true);
  state.socket = socket;
  const hello = mqttPacket.generate(connectPacket({ ...credentials, clientId: asset, clean: false }));
  socket.on('connect', () => socket.write(hello));
  socket.on('data', (chunk) => parser.parse(chunk));
  socket.on('error', () => undefined); // Its close follows.
  socket.on('close', () => {
    state.isReady = false;
    const waitMs = againMs.min + random() * (againMs.max - againMs.min);
    if (!state.isEnded) state.again = setTimeout(() => open(state), waitMs);
  });
}

function tick(state: State): void {
  const { options, counts, inFlight } = state;
  state.allowance = Math.min(options.perSecond, state.allowance + (options.perSecond * tickMs) / 1_000);
  const parts: Buffer[] = [];
  while (state.isReady && !state.isFinishing && state.allowance >= 1 && inFlight.size < options.window) {
    state.allowance--;
    parts.push(take(counts.sent++, false, state));
  }
  write(parts, state);
}

function receive(packet: Packet, state: State): void {
  const { options, inFlight, counts } = state;
  const messageId = packet.messageId ?? 0;
  switch (packet.cmd) {
    case 'connack':
      if (packet.returnCode !== 0) {
        counts.refused++;
        return;
      }
      state.isReady = true;
      write(
        [...inFlight].map(([id, { n, isReleased }]) =>
          isReleased ? release(id) : publish(n, id, { state, dup: true }),
        ),
        state,
      );
      return;
    case 'puback':
    case 'pubrec':
      acknowledge(messageId, state);
      return;
    case 'pubcomp':
      inFlight.delete(messageId);
      return;
    default:
      throw new Error(`${options.asset}: nobody asked for ${packet.cmd}`);
  }
}

function acknowledge(messageId: number, state: State): void {
  const { options, inFlight, acknowledged, isFinishing } = state;
  const flight = inFlight.get(messageId);
  if (!flight) throw new Error(`${options.asset}: an acknowledgement of nothing, ${messageId}`);
  acknowledged.add(flight.n);
  if (options.qos === 1) inFlight.delete(messageId);
  else {
    flight.isReleased = true;
    write([release(messageId)], state);
  }
  if (!isFinishing && !flight.isRepeat && options.random() < repeatedShare) repeat(flight.n, state);
}

function repeat(n: number, state: State): void {
  state.counts.repeated++;
  write([take(n, true, state)], state);
}

/** A reading on its way for the first time, or for the first time again. */
function take(n: number, isRepeat: boolean, state: State): Buffer {
  const { options, inFlight } = state;
  if (options.qos > 0) {
    do state.lastId = (state.lastId % 65_535) + 1;
    while (inFlight.has(state.lastId));
    inFlight.set(state.lastId, { n, isRepeat, isReleased: false });
  }
  return publish(n, state.lastId, { state, dup: false });
}

function publish(n: number, messageId: number, { state, dup }: { state: State; dup: boolean }): Buffer {
  const { asset, qos, firstMs } = state.options;
  return mqttPacket.generate({
    cmd: 'publish',
    topic: `telemetry/main/${asset}/count`,
    payload: JSON.stringify({ value: n, time: firstMs + n }),
    qos,
    dup,
    retain: false,
    ...(qos > 0 && { messageId }),
  } as Packet);
}

function release(messageId: number): Buffer {
  return mqttPacket.generate({ cmd: 'pubrel', messageId } as Packet);
}

function write(parts: readonly Buffer[], { socket }: State): void {
  if (parts.length > 0) socket?.write(Buffer.concat(parts));
}
