import { firstDevice } from '../../access/bootstrap.ts';
import type { Config } from '../../platform/config.ts';
import type { UpstreamSettings } from './upstream.ts';

/** What the settings say about an external broker; undefined when there is none. */
export function upstreamSettings(config: Config): UpstreamSettings | undefined {
  const { MQTT_URL: url, MQTT_VERSION: version, MQTT_GROUP: group } = config;
  if (url === undefined) return undefined;
  return {
    url,
    group,
    version: version && (version === '5' ? 5 : 4),
    username: config.MQTT_DEVICE ?? config.BOOTSTRAP_MQTT_USERNAME ?? firstDevice,
    tls: { ca: config.MQTT_URL_CA, cert: config.MQTT_URL_CERT, key: config.MQTT_URL_KEY },
  };
}
