/** The client library that most devices and pages use, against the doors of a test. */
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { password } from './ingest.ts';

/** Connects once as the device `gateway`, unless told otherwise; rejects when it is refused or the connection ends. */
export async function connectMqttjs(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const asGateway = { username: 'gateway', password, clientId: 'mqttjs', connectTimeout: 10_000, reconnectPeriod: 0 };
  return connectAsync(url, { ...asGateway, ...options }, false);
}

/** The message of the error that a connection ends with. */
export async function refusalOf(url: string, options: IClientOptions): Promise<string> {
  try {
    const client = await connectMqttjs(url, options);
    await client.endAsync(true);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}
