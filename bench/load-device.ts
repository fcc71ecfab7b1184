/**
 * One device of the load generator, on a raw socket:
 *
 *   QoS 1   PUBLISH ─▶ PUBACK                          acknowledged: the next message
 *   QoS 2   PUBLISH ─▶ PUBREC, PUBREL ─▶ PUBCOMP       acknowledged at the PUBREC: the reading is stored then
 *   QoS 0   PUBLISH                                    as fast as the socket takes them
 */
import { connect, type Socket } from 'node:net';
import mqttPacket from 'mqtt-packet';
import { createSender, type SenderOptions } from './load-messages.ts';

export type Device = {
  /** Fills the window; without end for QoS 0, `count` messages where a rate is kept. */
  send(count: number): void;
  inFlight(): number;
  sent(): number;
  end(): void;
};

export type DeviceOptions = {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly sender: SenderOptions;
  readonly onAcknowledged: (latencyMs: number) => void;
  /** Whether an acknowledgement is followed by another message. */
  readonly isRefilling: () => boolean;
};

const acknowledgementBytes = 4;

/** Connects; rejects when the broker refuses. */
export async function connectDevice(options: DeviceOptions): Promise<Device> {
  const { host, port, sender: given, onAcknowledged, isRefilling } = options;
  const socket = connect(port, host).setNoDelay(true);
  await admitted(socket, options);
  const sender = createSender(given);
  const sentAt = new Float64Array(65_536);
  let nextId = 1;
  let inFlight = 0;
  let sent = 0;
  let rest: Buffer = Buffer.alloc(0);

  const send = (count: number): boolean => {
    const now = performance.now();
    const packets: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      sentAt[nextId] = now;
      packets.push(sender.next(nextId));
      nextId = nextId === 65_534 ? 1 : nextId + 1;
    }
    sent += count;
    if (given.qos > 0) inFlight += count;
    return socket.write(Buffer.concat(packets));
  };
  const flood = (count: number) => {
    while (isRefilling() && send(count));
    if (isRefilling()) socket.once('drain', () => flood(count));
  };

  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const now = performance.now();
    const releases: Buffer[] = [];
    let done = 0;
    let at = 0;
    for (; at + acknowledgementBytes <= bytes.length; at += acknowledgementBytes) {
      const type = bytes[at] as number;
      const messageId = bytes.readUInt16BE(at + 2);
      if (type !== puback && type !== pubrec && type !== pubcomp)
        throw new Error(`expected an acknowledgement, and got ${bytes.toString('hex', at, at + 4)}`);
      if (type === pubrec) releases.push(Buffer.from([pubrel, 2, messageId >> 8, messageId & 0xff]));
      if (messageId === birthId) continue;
      if (type !== pubcomp) onAcknowledged(now - (sentAt[messageId] as number));
      if (type !== pubrec) done++;
    }
    rest = bytes.subarray(at);
    inFlight -= done;
    if (releases.length > 0) socket.write(Buffer.concat(releases));
    if (isRefilling() && done > 0) send(done);
  });
  if (sender.first) socket.write(sender.first);
  return {
    send: (count) => {
      if (given.qos === 0) flood(count);
      else send(count);
    },
    inFlight: () => inFlight + (given.qos === 0 && socket.writableLength > 0 ? 1 : 0),
    sent: () => sent,
    end: () => socket.end(),
  };
}

const puback = 0x40;
const pubrec = 0x50;
const pubrel = 0x62;
const pubcomp = 0x70;
/** The identifier of what a device says first, which is no reading. */
const birthId = 65_535;

async function admitted(socket: Socket, { username, password, sender }: DeviceOptions): Promise<void> {
  const packet = mqttPacket.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: `bench-${process.pid}-${sender.client}`,
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
