/**
 * One device's connection, over TCP, TLS or a WebSocket, in front of the broker. The broker sees a stream that gives it
 * bytes only when they may be taken: so nobody fills the memory before or after authentication, and a device whose messages
 * have to wait is still answered, since pings and PUBRELs are answered here.
 *
 *   connecting ──CONNECT is whole──▶ authenticating ──admit()──▶ admitted
 *    bytes gather,                    the door asks who it is;     each chunk is scanned:
 *    within a budget                  what follows waits             pings, PUBRELs ─▶ answered
 *                                       └─refuse()─▶ leaving         the rest ─▶ held ─▶ gate ─▶ broker
 *
 * The gate is shut while the device has too many messages under way or the intake is full. Behind it `heldBytesMax` are
 * read on, to find the ping, and then the connection is left alone, so that TCP pushes back.
 */
import { Duplex } from 'node:stream';
import { pingresp } from '../packets/answers.ts';
import { createFrameScanner, type FrameScanner } from '../packets/frames.ts';
import { createEarlyBytes, type EarlyBytes } from './early-bytes.ts';

export type MqttConnection = {
  /** What the broker reads from and writes to. */
  readonly stream: Duplex;
  readonly remoteAddress: string;
  /** The broker has taken the device in: what follows its CONNECT may pass. */
  admit(): void;
  /** Lets bytes through if the gate has opened. */
  pump(): void;
  /** Writes to the device past the broker; ends the connection when the device does not read. */
  write(bytes: Buffer): void;
  /** When the device last sent something, as performance.now(); while its socket is left alone, now. */
  heardAt(): number;
  /** Reads nothing more from the device. */
  stopReading(): void;
  /** Sends these bytes, if any, as the last ones, and closes; what the device still sends is not looked at. */
  refuse(last: Buffer | undefined): void;
  /** Sends what is written, and closes. */
  end(): void;
  destroy(): void;
};

export type ConnectionOptions = {
  readonly remoteAddress: string;
  /** The CONNECT is there, with its fixed header. */
  readonly onConnect: (packet: Buffer) => void;
  /** Asks for room for bytes of devices that are not admitted, or gives it back. */
  readonly takeRoom: (bytes: number) => boolean;
  readonly isGateOpen: () => boolean;
  /** What all connections of the door hold behind their gates; absent: nothing but this one's. */
  readonly heldByAll?: { bytes: number };
  /** A PUBREL of the device, which is to be answered. */
  readonly onRelease: (messageId: number) => void;
  /** The connection is closed, by whomever. */
  readonly onLost: () => void;
  readonly onRefused: (reason: string) => void;
};

export const packetBytesMax = 1_048_576;
/**
 * Read on behind a shut gate, to find the ping: the more while all connections together hold little. A device that has sent
 * still more without waiting for an acknowledgement has its ping in its own buffers, and is answered when the gate opens.
 */
const heldBytesMax = { few: 262_144, many: 32_768 };
const heldByAllBytes = 32 * 1_024 * 1_024;
/** Answers that a device leaves in front of it: some 65,000 of them, which take 200 bytes each in memory. */
const untakenBytesMax = 262_144;
/** What a device that is not admitted yet sends behind its CONNECT; the rest waits in its own buffers. */
const earlyBytesMax = 16_384;
const closeMsMax = 5_000;
const leaveMsMax = 1_000;

type Line = {
  readonly wire: Duplex;
  readonly stream: Duplex;
  readonly options: ConnectionOptions;
  readonly scan: FrameScanner;
  state: 'connecting' | 'authenticating' | 'leaving' | 'admitted';
  /** What came before the device was admitted, but for its CONNECT once that is whole. */
  readonly early: EarlyBytes;
  /** For the broker, and not given to it yet. */
  held: Buffer[];
  heldBytes: number;
  readonly heldByAll: { bytes: number };
  /** The broker has asked for bytes. */
  isWanted: boolean;
  /** The device has said that it sends no more. */
  isEnding: boolean;
  isStopped: boolean;
  /** Of answers, written since the wire had nothing left to send. */
  untakenBytes: number;
  heardAt: number;
};

/** Puts a connection around a stream of bytes that has just been accepted, which must allow one of its ends to end first. */
export function createMqttConnection(wire: Duplex, options: ConnectionOptions): MqttConnection {
  const stream = createStream(wire, () => {
    line.isWanted = true;
    pump(line);
  });
  const line: Line = {
    wire,
    stream,
    options,
    scan: createFrameScanner(packetBytesMax),
    state: 'connecting',
    early: createEarlyBytes(options.takeRoom),
    held: [],
    heldBytes: 0,
    heldByAll: options.heldByAll ?? { bytes: 0 },
    isWanted: false,
    isEnding: false,
    isStopped: false,
    untakenBytes: 0,
    heardAt: performance.now(),
  };
  listen(line);
  return {
    stream,
    remoteAddress: options.remoteAddress,
    admit: () => admit(line),
    pump: () => pump(line),
    write: (bytes) => write(line, bytes),
    heardAt: () => (wire.isPaused() ? performance.now() : line.heardAt),
    stopReading: () => {
      line.isStopped = true;
      wire.pause();
    },
    refuse: (last) => leave(line, last),
    end: () => end(wire, closeMsMax),
    destroy: () => wire.destroy(),
  };
}

function createStream(wire: Duplex, onWanted: () => void): Duplex {
  const whenDrained = (hasRoom: boolean, done: () => void) => {
    if (hasRoom) done();
    else wire.once('drain', done);
  };
  return new Duplex({
    read: onWanted,
    write: (chunk: Buffer, _encoding, done) => whenDrained(wire.write(chunk), done),
    writev: (chunks, done) => {
      wire.cork();
      let hasRoom = true;
      for (const { chunk } of chunks) hasRoom = wire.write(chunk as Buffer);
      wire.uncork();
      whenDrained(hasRoom, done);
    },
    final: (done) => wire.end(done),
    destroy: (_error, done) => {
      end(wire, closeMsMax);
      done(null);
    },
  });
}

function listen(line: Line): void {
  const { wire, options } = line;
  wire.on('data', (chunk: Buffer) => {
    line.heardAt = performance.now();
    if (line.state === 'admitted') receive(line, chunk);
    else if (line.state !== 'leaving') gather(line, chunk);
  });
  wire.on('end', () => {
    line.isEnding = true;
    // Nobody reads the stream of a device that the broker does not know.
    if (line.state === 'connecting' || line.state === 'leaving') wire.destroy();
    else pump(line);
  });
  wire.on('error', () => wire.destroy()); // A connection that breaks is nothing to report: its close follows.
  wire.on('close', () => {
    options.onLost();
    line.early.giveBack();
    letGo(line);
    line.stream.destroy();
  });
}

/** Bytes of a device that is not admitted: only its CONNECT goes on to the broker. */
function gather(line: Line, chunk: Buffer): void {
  const hasRoom = line.early.add(chunk);
  if (line.state === 'authenticating') {
    if (!hasRoom || line.early.length() > earlyBytesMax) line.wire.pause();
    return;
  }
  const connect = line.early.takeConnect();
  if (connect === undefined) {
    if (!hasRoom) refuse(line, 'connect_budget');
  } else if ('refused' in connect) refuse(line, connect.refused);
  else {
    line.state = 'authenticating';
    hold(line, [connect]);
    line.options.onConnect(connect);
  }
}

function admit(line: Line): void {
  if (line.state === 'leaving') return;
  const chunk = line.early.take();
  line.state = 'admitted';
  if (chunk.length > 0) receive(line, chunk);
  pump(line);
}

function receive(line: Line, chunk: Buffer): void {
  const found = line.scan(chunk);
  if ('refused' in found) {
    refuse(line, found.refused);
    return;
  }
  if (found.pings + found.releases.length > 0) {
    line.wire.cork();
    for (let i = 0; i < found.pings; i++) write(line, pingresp);
    for (const messageId of found.releases) line.options.onRelease(messageId);
    line.wire.uncork();
  }
  hold(line, found.forward);
}

function hold(line: Line, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    line.held.push(chunk);
    weigh(line, chunk.length);
  }
  pump(line);
  if (holdsTooMuch(line)) line.wire.pause();
}

function weigh(line: Line, bytes: number): void {
  line.heldBytes += bytes;
  line.heldByAll.bytes += bytes;
}

function holdsTooMuch({ heldBytes, heldByAll }: Line): boolean {
  return heldBytes > (heldByAll.bytes < heldByAllBytes ? heldBytesMax.few : heldBytesMax.many);
}

function letGo(line: Line): void {
  line.held = [];
  weigh(line, -line.heldBytes);
}

function pump(line: Line): void {
  if (line.isStopped) return;
  // Until the device is admitted its CONNECT is all that is held.
  while (line.isWanted && line.held.length > 0 && (line.state !== 'admitted' || line.options.isGateOpen())) {
    const chunk = line.held.shift() as Buffer;
    weigh(line, -chunk.length);
    line.isWanted = line.stream.push(chunk);
  }
  if (line.isEnding && line.held.length === 0 && line.early.length() === 0) {
    line.isEnding = false;
    line.stream.push(null);
  }
  if (!holdsTooMuch(line) && line.early.length() <= earlyBytesMax) resume(line);
}

function resume(line: Line): void {
  if (!line.wire.isPaused()) return;
  // What the device sent meanwhile is read in a moment; a look at its silence may come first.
  line.heardAt = performance.now();
  line.wire.resume();
}

function write(line: Line, bytes: Buffer): void {
  if (line.wire.destroyed || !line.wire.writable) return;
  line.untakenBytes = line.wire.writableNeedDrain ? line.untakenBytes + bytes.length : 0;
  line.wire.write(bytes);
  // What is forwarded to it waits there as well, and has limits of its own.
  if (line.untakenBytes > untakenBytesMax && line.wire.writableLength > untakenBytesMax) refuse(line, 'does_not_read');
}

function refuse(line: Line, reason: string): void {
  line.options.onRefused(reason);
  line.wire.destroy();
}

/** Nothing of the device matters any more but that it gets the last bytes, for which its own must still be read. */
function leave(line: Line, last: Buffer | undefined): void {
  line.state = 'leaving';
  line.early.take();
  letGo(line);
  if (line.isEnding) line.wire.destroy();
  if (last) line.wire.write(last);
  line.wire.end();
  line.wire.resume();
  closeWithin(line.wire, leaveMsMax);
}

function end(wire: Duplex, msMax: number): void {
  if (wire.destroyed) return;
  if (wire.writableFinished) wire.destroy();
  else wire.once('finish', () => wire.destroy());
  wire.end();
  closeWithin(wire, msMax);
}

function closeWithin(wire: Duplex, msMax: number): void {
  const timer = setTimeout(() => wire.destroy(), msMax).unref();
  wire.once('close', () => clearTimeout(timer));
}
