/**
 * The MQTT door: it lets devices in, keeps count of them and of how long each has been silent, and ends their connections.
 *
 *   entrance ─wire─▶ connection ─CONNECT─▶ admission ─device─▶ broker ─▶ onReady: the session begins
 *                                              └─ refused: CONNACK, counted and logged
 */
import type { Duplex } from 'node:stream';
import type { Device } from '../../../access/device.ts';
import type { DeviceAuthenticator } from '../../../access/device-authenticator.ts';
import type { Presence, PresenceReason } from '../../../access/presence.ts';
import { type BrokerOptions, createMqttBroker, type MqttBroker } from '../broker/broker.ts';
import type { MqttGuest } from '../broker/session.ts';
import { connack, pubcomp } from '../packets/answers.ts';
import type { AddressLimitsOptions } from './address-limits.ts';
import { type Admission, type Admit, createAdmission } from './admission.ts';
import { createMqttConnection } from './connection.ts';
import { createEntrance } from './entrance.ts';
import { createRefusals, type NoteRefusal } from './refusals.ts';
import { shedWaiting } from './shed.ts';
import type { TlsFiles } from './tls-files.ts';
import type { DoorKind, Visitor } from './visitor.ts';

export type MqttDoor = {
  /** Listens; resolves with the port, which is another than asked for when that was 0. */
  listen(port: number, host: string, kind?: DoorKind): Promise<{ port: number }>;
  /** Ends the connections of a device, at once and whichever way they came. */
  closeDevice(deviceId: string): void;
  /** The devices that are connected, or about to be, each as often as it is. */
  listDevices(): Device[];
  /** Lets nobody in any more and reads nothing more; what is under way can still be acknowledged. */
  stopReading(): void;
  /** Ends all connections. */
  close(): void;
};

export type DoorSettings = Partial<AddressLimitsOptions> & {
  /** For the doors `tls` and `wss`. */
  readonly tls?: TlsFiles | undefined;
  /** Origins of web pages of other hosts that may connect by WebSocket; `*` is any. */
  readonly webSocketOrigins?: readonly string[];
};

export type DoorOptions = Omit<BrokerOptions, 'noteRefusal'> &
  DoorSettings & {
    readonly authenticator: DeviceAuthenticator;
    /** Told of the start and of the end of each session; must not wait. */
    readonly onPresence?: (presence: Presence) => void;
    /** Told, every few seconds, when a connected device was heard last, in ms since 1970. */
    readonly onHeard?: (deviceId: string, at: number) => void;
  };

/** A device is not read while it has so many messages under way, or so many bytes: a sixteenth of what the intake holds. */
const waitingMax = 1_000;
const waitingBytesMax = 4 * 1_024 * 1_024;
const limits = { connectionsMax: 20_000, addressConnectionsMax: 10_000 };
/** Of strangers: what they have sent of a CONNECT that is long, all together. */
const earlyBytesMax = 32 * 1_024 * 1_024;
const sweepMs = 500;
const heardMs = 5_000;

type Door = DoorOptions & {
  readonly guests: Set<MqttGuest>;
  /** Those whose start has been told, and not their end. */
  readonly present: Set<MqttGuest>;
  readonly admit: Admit;
  readonly broker: MqttBroker;
  readonly noteRefusal: NoteRefusal;
  readonly heldByAll: { bytes: number };
  earlyBytes: number;
};

/** Makes the door; it is shut until `listen`. */
export function createMqttDoor(options: DoorOptions): MqttDoor {
  const { counters, log, intake } = options;
  const noteRefusal = createRefusals(counters, log);
  const door: Door = {
    ...options,
    guests: new Set(),
    present: new Set(),
    admit: createAdmission({ ...options, isShedding: () => intake.state() === 'shedding' }),
    broker: createMqttBroker({ ...options, noteRefusal }),
    noteRefusal,
    heldByAll: { bytes: 0 },
    earlyBytes: 0,
  };
  const { guests, broker } = door;
  const onWire = (wire: Duplex, visitor: Visitor) => receive(door, wire, visitor);
  const entrance = createEntrance({ ...limits, tls: undefined, webSocketOrigins: [], ...options, noteRefusal, onWire });
  intake.onRoom(() => {
    for (const { connection } of guests) connection.pump();
  });
  const sweep = setInterval(() => {
    entrance.sweep();
    closeSilent(guests);
    shedWaiting(guests, options);
  }, sweepMs).unref();
  const heard = setInterval(() => tellHeard(door), heardMs).unref();

  return {
    listen: (port, host, kind = 'tcp') => entrance.listen(kind, port, host),
    closeDevice: (deviceId) => {
      const connected = [...guests].filter(({ device }) => device?.id === deviceId);
      for (const guest of connected) endAtOnce(guest, 'revoked');
      if (connected.length > 0) {
        log.info(
          { deviceId, connections: connected.length },
          'the connections of a device that was changed were ended',
        );
      }
    },
    listDevices: () => [...guests].flatMap(({ device }) => device ?? []),
    stopReading: () => {
      entrance.close();
      for (const { connection } of guests) connection.stopReading();
    },
    close: () => {
      clearInterval(sweep);
      clearInterval(heard);
      for (const guest of guests) {
        guest.endReason ??= 'shutdown';
        guest.connection.end();
      }
      broker.close();
      // A client that does not close its end has gone for us all the same.
      for (const guest of guests) depart(door, guest);
    },
  };
}

function receive(door: Door, wire: Duplex, visitor: Visitor): void {
  const { guests, counters, admit, broker } = door;
  const guest = createGuest(door, wire, visitor, (packet) => {
    visitor.arrive();
    const { certificateCn, address } = visitor;
    void admit(packet, { certificateCn, address }).then((admission) => {
      if (!guests.has(guest) || guest.endReason) return;
      if ('refused' in admission) return refuse(door, guest, admission);
      const { device, connect } = admission;
      guest.device = device;
      guest.clientId = connect.clientId;
      broker.handle({ guest, device, onReady: () => begin(door, guest, visitor) });
    });
  });
  guests.add(guest);
  counters.connections.set(guests.size);
  wire.once('close', () => {
    guests.delete(guest);
    counters.connections.set(guests.size);
    depart(door, guest);
  });
}

function begin(door: Door, guest: MqttGuest, visitor: Visitor): void {
  visitor.onAdmitted();
  guest.connection.admit();
  door.present.add(guest);
  tellOf(door, guest, { isOnline: true, reason: 'connected' });
}

function depart(door: Door, guest: MqttGuest): void {
  const reason = guest.endReason ?? 'connection_lost';
  if (door.present.delete(guest)) tellOf(door, guest, { isOnline: false, reason });
}

function createGuest(
  door: Door,
  wire: Duplex,
  { remoteAddress }: Visitor,
  onConnect: (packet: Buffer) => void,
): MqttGuest {
  const { intake, noteRefusal } = door;
  const guest: MqttGuest = {
    connection: createMqttConnection(wire, {
      remoteAddress,
      heldByAll: door.heldByAll,
      isGateOpen: () => hasRoom(guest.session) && !intake.isFull(),
      takeRoom: (bytes) => {
        if (bytes > 0 && door.earlyBytes + bytes > earlyBytesMax) return false;
        door.earlyBytes += bytes;
        return true;
      },
      onConnect,
      onRelease: (messageId) => {
        guest.inbound.delete(messageId);
        guest.connection.write(pubcomp(messageId));
      },
      onLost: () => {
        guest.endReason ??= 'connection_lost';
      },
      onRefused: (reason) => {
        guest.endReason ??= reason === 'does_not_read' ? 'connection_lost' : 'protocol_violation';
        noteRefusal(reason, { address: remoteAddress, username: guest.device?.username });
      },
    }),
    keepAliveMs: 0,
    inbound: new Set(),
    clientId: '',
    device: undefined,
    session: undefined,
    endReason: undefined,
  };
  return guest;
}

function hasRoom(session: MqttGuest['session']): boolean {
  return session === undefined || (session.waiting() < waitingMax && session.waitingBytes() < waitingBytesMax);
}

function refuse(
  { noteRefusal }: Door,
  { connection }: MqttGuest,
  refused: Extract<Admission, { refused: string }>,
): void {
  const { refused: reason, returnCode, username, error } = refused;
  noteRefusal(reason, { address: connection.remoteAddress, username, ...(error !== undefined && { error }) });
  connection.refuse(returnCode === undefined ? undefined : connack(returnCode));
}

function tellOf(
  { onPresence }: Door,
  { device, clientId, connection }: MqttGuest,
  what: Pick<Presence, 'isOnline' | 'reason'>,
): void {
  if (device) onPresence?.({ device, clientId, ...what, at: Date.now(), address: connection.remoteAddress });
}

/** [MQTT-3.1.2-24]: a client that says nothing for one and a half times its keep-alive is gone. */
function closeSilent(guests: ReadonlySet<MqttGuest>): void {
  const now = performance.now();
  for (const guest of guests) {
    const { connection, keepAliveMs } = guest;
    if (keepAliveMs > 0 && now - connection.heardAt() > keepAliveMs * 1.5) endAtOnce(guest, 'keep_alive');
  }
}

function endAtOnce(guest: MqttGuest, reason: PresenceReason): void {
  guest.endReason ??= reason;
  guest.connection.destroy();
}

function tellHeard({ guests, onHeard }: Door): void {
  const heardNow = performance.now();
  const now = Date.now();
  for (const { device, session, connection } of guests) {
    if (device && session) onHeard?.(device.id, now - Math.round(heardNow - connection.heardAt()));
  }
}
