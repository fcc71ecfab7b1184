import { expect, test } from 'vitest';
import { readConfig } from '../../../platform/config.ts';
import { createLog } from '../../../platform/log.ts';
import { openDoorSettings } from './door-settings.ts';

const open = (env: Record<string, string>) => openDoorSettings(readConfig(env), createLog('silent'));

test('without settings there is no door with TLS, and pages of other hosts stay outside', async () => {
  const settings = await open({});
  expect(settings).toMatchObject({ connectionsMax: 20_000, addressConnectionsMax: 10_000, webSocketOrigins: [] });
  expect(settings.tls).toBe(undefined);
});

test.each<[Record<string, string>, RegExp]>([
  [{ MQTT_TLS_PORT: '8883' }, /^MQTT_TLS_CERT must be set/],
  [{ MQTT_WSS_PORT: '8884' }, /^MQTT_TLS_CERT must be set/],
  [{ MQTT_TLS_PORT: '8883', MQTT_TLS_CERT: 'cert.pem' }, /^MQTT_TLS_KEY must be set/],
  [{ MQTT_TLS_CERT: 'cert.pem', MQTT_TLS_KEY: 'key.pem' }, /^MQTT_TLS_PORT or MQTT_WSS_PORT must be set/],
  [{ MQTT_TLS_CLIENT_CA: 'ca.pem', MQTT_WS_PORT: '8083' }, /^MQTT_TLS_PORT or MQTT_WSS_PORT must be set/],
  [
    { MQTT_TLS_PORT: '1', MQTT_TLS_CERT: 'c', MQTT_TLS_KEY: 'k', MQTT_TLS_CLIENT_CERT: 'required' },
    /^MQTT_TLS_CLIENT_CA must be set/,
  ],
  [
    { MQTT_TLS_PORT: '1', MQTT_TLS_CERT: '/nowhere/c.pem', MQTT_TLS_KEY: '/nowhere/k.pem' },
    /^MQTT_TLS_CERT or MQTT_TLS_KEY cannot be used: \/nowhere\/[ck]\.pem cannot be read/,
  ],
])('%j: what is missing is named', async (env, told) => {
  await expect(open(env)).rejects.toThrow(told);
});

test('origins are a list', async () => {
  const { webSocketOrigins } = await open({ MQTT_WS_ORIGINS: 'https://a.example, https://b.example:8443' });
  expect(webSocketOrigins).toEqual(['https://a.example', 'https://b.example:8443']);
});
