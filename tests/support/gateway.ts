import mqtt from 'mqtt';
import { credentials, type Program } from './program.ts';

/** A device of the tests: one MQTT connection that comes back by itself and sends again what was not acknowledged. */
export type Gateway = {
  /** Publishes at QoS 1; resolves when the broker has acknowledged. */
  publish(topic: string, payload: string): Promise<void>;
  close(): Promise<void>;
};

/** Connects to a program's broker with the credentials of the tests. */
export async function connectGateway(program: Pick<Program, 'mqttPort'>): Promise<Gateway> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${program.mqttPort}`, {
    username: credentials.username,
    password: credentials.password,
    clientId: `gateway-${process.pid}-${program.mqttPort}`,
    clean: true,
    // The broker bans a client that comes back more than 15 times a minute.
    reconnectPeriod: 500,
    resubscribe: false,
  });
  // While the program is down every attempt fails, and the next one follows.
  client.on('error', () => undefined);
  return {
    publish: async (topic, payload) => {
      await client.publishAsync(topic, payload, { qos: 1 });
    },
    close: () => client.endAsync(true),
  };
}
