import type { Config } from '../../../platform/config.ts';
import type { Log } from '../../../platform/log.ts';
import { naming } from '../../../platform/setting-errors.ts';
import type { DoorSettings } from './door.ts';
import { openTlsFiles, type TlsFiles } from './tls-files.ts';

/** The setting of each door's port, its kind, and how its URL begins. */
export const mqttDoors = [
  { setting: 'MQTT_PORT', kind: 'tcp', scheme: 'mqtt' },
  { setting: 'MQTT_TLS_PORT', kind: 'tls', scheme: 'mqtts' },
  { setting: 'MQTT_WS_PORT', kind: 'ws', scheme: 'ws' },
  { setting: 'MQTT_WSS_PORT', kind: 'wss', scheme: 'wss' },
] as const;

/** What the settings say about the MQTT doors. Rejects when they do not fit together, or name a file that cannot be used. */
export async function openDoorSettings(config: Config, log: Log): Promise<DoorSettings & { close(): void }> {
  const tls = await openTls(config, log);
  return {
    tls,
    connectionsMax: config.MQTT_CONNECTIONS_MAX,
    addressConnectionsMax: config.MQTT_ADDRESS_CONNECTIONS_MAX,
    webSocketOrigins: config.MQTT_WS_ORIGINS,
    close: () => tls?.close(),
  };
}

/** Whoever sets one of these settings means to have a door with TLS, so none of the others may be missing. */
async function openTls(config: Config, log: Log): Promise<TlsFiles | undefined> {
  const { MQTT_TLS_CERT: certificateFile, MQTT_TLS_KEY: keyFile, MQTT_TLS_CLIENT_CA: clientCaFile } = config;
  const isRequired = config.MQTT_TLS_CLIENT_CERT === 'required';
  const isDoorThere = config.MQTT_TLS_PORT !== undefined || config.MQTT_WSS_PORT !== undefined;
  if (!isDoorThere) {
    if (!certificateFile && !keyFile && !clientCaFile && !isRequired) return undefined;
    throw new Error('MQTT_TLS_PORT or MQTT_WSS_PORT must be set where another setting of MQTT_TLS is');
  }
  if (!certificateFile) throw new Error('MQTT_TLS_CERT must be set for MQTT_TLS_PORT and MQTT_WSS_PORT');
  if (!keyFile) throw new Error('MQTT_TLS_KEY must be set for MQTT_TLS_PORT and MQTT_WSS_PORT');
  if (isRequired && !clientCaFile) throw new Error('MQTT_TLS_CLIENT_CA must be set where a certificate is required');
  const names = clientCaFile ? 'MQTT_TLS_CERT, MQTT_TLS_KEY or MQTT_TLS_CLIENT_CA' : 'MQTT_TLS_CERT or MQTT_TLS_KEY';
  const files = { certificateFile, keyFile, clientCaFile, isCertificateRequired: isRequired };
  return naming(names, () => openTlsFiles(files, log));
}
