/** A message of the server's own to the devices of a tenant that subscribe to it and may. */
export type ServerMessage = {
  readonly topic: string;
  /** Empty and retained: what was retained under the topic is forgotten (MQTT 3.1.1, 3.3.1.3). */
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
};

/** Publishes to one tenant; resolves once the broker has it, rejects when the broker cannot be reached. */
export type Publish = (tenantId: string, message: ServerMessage) => Promise<void>;
