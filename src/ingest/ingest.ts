/**
 * The doors and what is behind them, in one place:
 *
 *   MQTT ─▶ pipeline: intake ─▶ interpret ─▶ append, with quarantine, in one transaction ─▶ acknowledge
 */
import type { Device } from '../access/device.ts';
import { createDeviceAuthenticator, type DeviceAuthenticator } from '../access/device-authenticator.ts';
import { type DeviceChanges, listenDeviceChanges } from '../access/device-changes.ts';
import { createPresenceRecorder } from '../access/presence.ts';
import type { TellPresence } from '../access/presence-store.ts';
import type { Log } from '../platform/log.ts';
import type { Sealer } from '../platform/sealer.ts';
import { createMqttDoor, type DoorSettings, type MqttDoor } from './mqtt/door/door.ts';
import type { DoorKind } from './mqtt/door/visitor.ts';
import { loadApplication } from './opcua/certificates/application.ts';
import { createTrust } from './opcua/certificates/trust.ts';
import { createOpcuaCounters } from './opcua/counters.ts';
import { type Opcua, type OpcuaOptions, startOpcua } from './opcua/opcua.ts';
import { createPipeline, type PipelineOptions } from './pipeline.ts';
import type { Publish } from './publish.ts';
import { defaultSparkplug } from './sparkplug/sparkplug.ts';
import { startUpstream, type Upstream, type UpstreamSettings } from './upstream/upstream.ts';

export type Ingest = {
  /** Opens an MQTT door; resolves with its port. Rejects when the port is taken. */
  listen(port: number, host: string, kind?: DoorKind): Promise<{ port: number }>;
  /** Shuts the door, commits and acknowledges what has come in, then ends the connections. */
  close(): Promise<void>;
  /** Publishes to the devices of a tenant that subscribe here. */
  readonly publish: Publish;
  /** The client of the external broker, where there is one. */
  readonly upstream: Upstream | undefined;
};

const drainMsMax = 10_000;

export type IngestOptions = PipelineOptions & {
  /** The external broker, where there is one. */
  readonly upstream?: UpstreamSettings | undefined;
  readonly doors?: DoorSettings;
  /** For secrets at rest; absent: no OPC-UA server is read. */
  readonly sealer?: Sealer | undefined;
  /** How old a value of a server may grow before it is given again. */
  readonly stillMs?: number | undefined;
  /** Where changes of devices are heard of; absent: they are noticed when a device connects again. */
  readonly databaseUrl?: string | undefined;
  /** Told, in its transaction, of devices that come online or go offline. */
  readonly tellPresence?: TellPresence | undefined;
};

/** Wires the stage; nothing listens yet. With an external broker it is that broker's client from now on. */
export async function createIngest(options: IngestOptions): Promise<Ingest> {
  const { database, log } = options;
  const { intake, counters, forwarding, sparkplug } = createPipeline(options);
  const authenticator = createDeviceAuthenticator(database.db);
  const presence = createPresenceRecorder({ db: database.db, log, tell: options.tellPresence });
  const opcua = options.sealer && startServers({ ...options, sealer: options.sealer, intake, presence });
  const door = createMqttDoor({
    ...options.doors,
    authenticator,
    intake,
    counters,
    forwarding,
    log,
    onPresence: presence.record,
    onHeard: presence.seen,
  });
  const changes = options.databaseUrl && followChanges(options.databaseUrl, { door, authenticator, log });
  const { hostId } = options.sparkplug ?? defaultSparkplug;
  const upstream =
    options.upstream && startUpstream({ ...options, settings: options.upstream, hostId, intake, counters });
  await sparkplug.open(forwarding.publish, upstream?.publish);
  return {
    listen: door.listen,
    publish: forwarding.publish,
    upstream,
    close: async () => {
      door.stopReading();
      upstream?.stopReading();
      await opcua?.stopReading();
      await intake.drain(drainMsMax);
      await sparkplug.close();
      await opcua?.close();
      await upstream?.close();
      door.close();
      if (changes) await changes.close();
      await presence.close();
    },
  };
}

type Servers = Pick<IngestOptions, 'database' | 'log' | 'registry' | 'stillMs'> &
  Pick<OpcuaOptions, 'sealer' | 'intake' | 'presence'>;

function startServers({ registry, ...options }: Servers): Opcua {
  const { db } = options.database;
  return startOpcua({
    ...options,
    counters: createOpcuaCounters(registry),
    trust: createTrust(db),
    loadApplication: () => loadApplication(db, options.sealer),
  });
}

type Following = { readonly door: MqttDoor; readonly authenticator: DeviceAuthenticator; readonly log: Log };

/** Ends the connections of devices that are not any more what they were when they came. */
function followChanges(databaseUrl: string, { door, authenticator, log }: Following): DeviceChanges {
  const check = async (devices: readonly Device[]) => {
    try {
      for (const deviceId of await authenticator.findChanged(devices)) door.closeDevice(deviceId);
    } catch (error) {
      // Whether they may stay cannot be told; they may come again, when it can.
      log.warn({ err: error }, 'changed devices could not be read, and are disconnected');
      for (const { id } of devices) door.closeDevice(id);
    }
  };
  return listenDeviceChanges({
    databaseUrl,
    log,
    onChange: (deviceId) => {
      authenticator.recheck(deviceId);
      const connected = door.listDevices().filter(({ id }) => id === deviceId);
      if (connected.length > 0) void check(connected);
    },
    onUnsure: () => {
      authenticator.recheck();
      void check(door.listDevices());
    },
  });
}
