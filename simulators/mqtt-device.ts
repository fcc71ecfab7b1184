/**
 * One device's MQTT connection: QoS 1, a bounded number of messages in flight, and a connection that comes back by itself.
 *
 *   publish ─▶ window (inFlightMax) ─▶ in flight ─▶ acknowledged
 *                 waits when full        └─ sent again under its identifier after a lost connection (MQTT 3.1.1, 4.4)
 */
import mqtt, { type MqttClient } from 'mqtt';

export type MqttDevice = {
  /**
   * Sends a message that holds so many readings. Resolves as soon as it is under way, later when the window is full; with
   * false, and nothing sent, once the device is closed.
   */
  publish(topic: string, payload: string, readings: number): Promise<boolean>;
  /** Readings given to the broker so far, and those of them that it has acknowledged. */
  published(): number;
  acknowledged(): number;
  /** Resolves when nothing is in flight, or after `waitMsMax`; says whether everything has been acknowledged. */
  drain(waitMsMax: number): Promise<boolean>;
  /** Ends the connection, orderly when nothing is in flight; publishes that wait for the window give up. */
  close(): Promise<void>;
};

export type MqttOptions = {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  clientId: string;
  /** Unacknowledged messages at most. */
  inFlightMax: number;
  /** Told, in a line each, when the connection is lost, refused or back. */
  onLine?: ((line: string) => void) | undefined;
  /** Gives up when there is no connection after so many seconds at the start; without it, tries for ever. */
  connectSecondsMax?: number | undefined;
};

/** Connects; rejects when the broker refuses the credentials, or is not there within `connectSecondsMax`. */
export async function connectMqttDevice(options: MqttOptions): Promise<MqttDevice> {
  const client = await connect(options);
  const waiting: (() => void)[] = [];
  let inFlight = 0;
  let published = 0;
  let acknowledged = 0;
  let closed = false;
  let idle: (() => void) | undefined;

  async function publish(topic: string, payload: string, readings: number): Promise<boolean> {
    while (inFlight >= options.inFlightMax && !closed) await new Promise<void>((resolve) => waiting.push(resolve));
    if (closed) return false;
    inFlight += 1;
    published += readings;
    client.publish(topic, payload, { qos: 1 }, (error) => {
      inFlight -= 1;
      if (error) options.onLine?.(`${topic} was not acknowledged: ${error.message}`);
      else acknowledged += readings;
      waiting.shift()?.();
      if (inFlight === 0) idle?.();
    });
    return true;
  }

  async function drain(waitMsMax: number): Promise<boolean> {
    if (inFlight > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMsMax);
        idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return acknowledged === published;
  }

  async function close(): Promise<void> {
    closed = true;
    for (const resume of waiting.splice(0)) resume();
    await client.endAsync(inFlight > 0);
  }

  return { publish, published: () => published, acknowledged: () => acknowledged, drain, close };
}

function connect(options: MqttOptions): Promise<MqttClient> {
  const { url, username, password, clientId } = options;
  const client = mqtt.connect(url, {
    clientId,
    clean: true,
    keepalive: 30,
    // Slower than the fifteen connections a minute for which brokers take a client to be in a loop.
    reconnectPeriod: 4100,
    reconnectOnConnackError: true,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  return new Promise((resolve, reject) => {
    let connected = false;
    let away = false;
    const giveUpAfterMs = (options.connectSecondsMax ?? 0) * 1000;
    let lastCause: Error | undefined;
    const timer =
      giveUpAfterMs > 0
        ? setTimeout(() => giveUp(`cannot be reached: ${lastCause?.message}`), giveUpAfterMs)
        : undefined;

    function giveUp(reason: string): void {
      clearTimeout(timer);
      client.end(true);
      reject(new Error(`${url} ${reason}`, { cause: lastCause }));
    }

    client.on('connect', () => {
      clearTimeout(timer);
      if (away) options.onLine?.(`${url} is connected${connected ? ' again' : ''}`);
      away = false;
      connected = true;
      resolve(client);
    });
    client.on('error', (error) => {
      lastCause = error;
      const code = 'code' in error ? error.code : undefined;
      // CONNACK return codes of MQTT 3.1.1, 3.2.2.3: 4 bad user name or password, 5 not authorized.
      if (!connected && (code === 4 || code === 5)) giveUp('refuses the user name or password');
      else if (!away) options.onLine?.(`${url} is away (${error.message || String(code)}); trying again`);
      away = true;
    });
    client.on('close', () => {
      if (connected && !away && !client.disconnecting) {
        options.onLine?.(`${url} has closed the connection; trying again`);
        away = true;
      }
    });
  });
}
