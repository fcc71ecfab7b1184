/**
 * One device's TCP connection, in front of the broker. The broker sees a stream that gives it bytes only when they may be
 * taken: so nobody fills the memory before or after authentication, and a device whose messages have to wait is still
 * answered, since pings and PUBRELs are answered here.
 *
 *   connecting ──CONNECT is whole──▶ authenticating ──admit()──▶ admitted
 *    bytes gather                     what follows waits           each chunk is scanned:
 *                                                                    pings, PUBRELs ─▶ answered
 *                                                                    the rest ─▶ held ─▶ gate ─▶ broker
 *
 * The gate is shut while the device has too many messages under way or the intake is full. Behind it `heldBytesMax` are
 * read on, to find the ping, and then the socket is left alone, so that TCP pushes back.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createFrameScanner, type FrameScanner, readHeader } from './frames.ts';

export type MqttConnection = {
  /** What the broker reads from and writes to. */
  readonly stream: Duplex;
  readonly remoteAddress: string;
  /** The device is known: what follows its CONNECT may pass. */
  admit(): void;
  /** Lets bytes through if the gate has opened. */
  pump(): void;
  /** Writes to the device past the broker; ends the connection when the device does not read. */
  write(bytes: Buffer): void;
  /** When the device last sent something, as performance.now(); while its socket is left alone, now. */
  heardAt(): number;
  /** Reads nothing more from the device. */
  stopReading(): void;
  /** Sends what is written, and closes. */
  end(): void;
  destroy(): void;
};

export type ConnectionOptions = {
  readonly isGateOpen: () => boolean;
  /** A PUBREL of the device, which is to be answered. */
  readonly onRelease: (messageId: number) => void;
  readonly onRefused: (reason: string) => void;
};

const connectBytesMax = 65_536;
const packetBytesMax = 1_048_576;
const heldBytesMax = 32_768;
const unreadBytesMax = 1_048_576;
const closeMsMax = 5_000;
const connectByte = 0x10;
const pingresp = Buffer.from([0xd0, 0]);
const noBytes = Buffer.alloc(0);

type Line = {
  readonly socket: Socket;
  readonly stream: Duplex;
  readonly options: ConnectionOptions;
  readonly scan: FrameScanner;
  state: 'connecting' | 'authenticating' | 'admitted';
  /** What came before the device was admitted, but for its CONNECT once that is whole. */
  early: Buffer;
  /** For the broker, and not given to it yet. */
  held: Buffer[];
  heldBytes: number;
  /** The broker has asked for bytes. */
  isWanted: boolean;
  /** The device has said that it sends no more. */
  isEnding: boolean;
  isStopped: boolean;
  heardAt: number;
};

/** Puts a connection around a socket that has just been accepted, which must allow half-open connections. */
export function createMqttConnection(socket: Socket, options: ConnectionOptions): MqttConnection {
  const stream = createStream(socket, () => {
    line.isWanted = true;
    pump(line);
  });
  const line: Line = {
    socket,
    stream,
    options,
    scan: createFrameScanner(packetBytesMax),
    state: 'connecting',
    early: noBytes,
    held: [],
    heldBytes: 0,
    isWanted: false,
    isEnding: false,
    isStopped: false,
    heardAt: performance.now(),
  };
  socket.setNoDelay(true);
  // A device may ask for no keep-alive of MQTT's own; then TCP finds out whether it is still there.
  socket.setKeepAlive(true, 60_000);
  listen(line);
  return {
    stream,
    remoteAddress: socket.remoteAddress ?? '',
    admit: () => admit(line),
    pump: () => pump(line),
    write: (bytes) => write(line, bytes),
    heardAt: () => (socket.isPaused() ? performance.now() : line.heardAt),
    stopReading: () => {
      line.isStopped = true;
      socket.pause();
    },
    end: () => end(socket),
    destroy: () => socket.destroy(),
  };
}

function createStream(socket: Socket, onWanted: () => void): Duplex {
  const whenDrained = (hasRoom: boolean, done: () => void) => {
    if (hasRoom) done();
    else socket.once('drain', done);
  };
  return new Duplex({
    read: onWanted,
    write: (chunk: Buffer, _encoding, done) => whenDrained(socket.write(chunk), done),
    writev: (chunks, done) => {
      socket.cork();
      let hasRoom = true;
      for (const { chunk } of chunks) hasRoom = socket.write(chunk as Buffer);
      socket.uncork();
      whenDrained(hasRoom, done);
    },
    final: (done) => socket.end(done),
    destroy: (_error, done) => {
      end(socket);
      done(null);
    },
  });
}

function listen(line: Line): void {
  const { socket } = line;
  socket.on('data', (chunk: Buffer) => {
    line.heardAt = performance.now();
    if (line.state === 'admitted') receive(line, chunk);
    else gather(line, chunk);
  });
  socket.on('end', () => {
    line.isEnding = true;
    pump(line);
  });
  socket.on('error', () => socket.destroy()); // A connection that breaks is nothing to report: its close follows.
  socket.on('close', () => line.stream.destroy());
}

/** Bytes of a device that is not admitted: only its CONNECT goes on to the broker. */
function gather(line: Line, chunk: Buffer): void {
  line.early = line.early.length === 0 ? chunk : Buffer.concat([line.early, chunk]);
  if (line.state === 'authenticating') {
    if (line.early.length > connectBytesMax) line.socket.pause();
    return;
  }
  const header = readHeader(line.early, 0);
  // [MQTT-3.1.0-1]: the first packet must be a CONNECT.
  if (header === 'malformed' || line.early[0] !== connectByte) {
    refuse(line, 'not_mqtt');
    return;
  }
  if (header === undefined) return;
  if (header.length > connectBytesMax) {
    refuse(line, 'packet_too_large');
    return;
  }
  const bytes = header.bytes + header.length;
  if (line.early.length < bytes) return;
  line.state = 'authenticating';
  const packet = line.early.subarray(0, bytes);
  line.early = line.early.subarray(bytes);
  hold(line, [packet]);
}

function admit(line: Line): void {
  const chunk = line.early;
  line.state = 'admitted';
  line.early = noBytes;
  if (chunk.length > 0) receive(line, chunk);
  pump(line);
}

function receive(line: Line, chunk: Buffer): void {
  const found = line.scan(chunk);
  if ('refused' in found) {
    refuse(line, found.refused);
    return;
  }
  line.socket.cork();
  for (let i = 0; i < found.pings; i++) write(line, pingresp);
  for (const messageId of found.releases) line.options.onRelease(messageId);
  line.socket.uncork();
  hold(line, found.forward);
}

function hold(line: Line, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    line.held.push(chunk);
    line.heldBytes += chunk.length;
  }
  pump(line);
  if (line.heldBytes > heldBytesMax) line.socket.pause();
}

function pump(line: Line): void {
  if (line.isStopped) return;
  // Until the device is admitted its CONNECT is all that is held.
  while (line.isWanted && line.held.length > 0 && (line.state !== 'admitted' || line.options.isGateOpen())) {
    const chunk = line.held.shift() as Buffer;
    line.heldBytes -= chunk.length;
    line.isWanted = line.stream.push(chunk);
  }
  if (line.isEnding && line.held.length === 0 && line.early.length === 0) {
    line.isEnding = false;
    line.stream.push(null);
  }
  if (line.heldBytes <= heldBytesMax && line.early.length <= connectBytesMax) resume(line);
}

function resume(line: Line): void {
  if (!line.socket.isPaused()) return;
  // What the device sent meanwhile is read in a moment; a look at its silence may come first.
  line.heardAt = performance.now();
  line.socket.resume();
}

function write(line: Line, bytes: Buffer): void {
  if (line.socket.destroyed || !line.socket.writable) return;
  line.socket.write(bytes);
  if (line.socket.writableLength > unreadBytesMax) refuse(line, 'does_not_read');
}

function refuse(line: Line, reason: string): void {
  line.options.onRefused(reason);
  line.socket.destroy();
}

function end(socket: Socket): void {
  socket.destroySoon();
  const timer = setTimeout(() => socket.destroy(), closeMsMax).unref();
  socket.once('close', () => clearTimeout(timer));
}
