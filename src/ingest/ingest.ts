/**
 * The doors and what is behind them, in one place:
 *
 *   MQTT ─▶ pipeline: intake ─▶ interpret ─▶ append, with quarantine, in one transaction ─▶ acknowledge
 */
import { createDeviceAuthenticator } from '../access/device.ts';
import { createMqttDoor } from './mqtt/door.ts';
import { createPipeline, type PipelineOptions } from './pipeline.ts';

export type Ingest = {
  /** Opens the MQTT door; resolves with its port. Rejects when the port is taken. */
  listen(port: number, host: string): Promise<{ port: number }>;
  /** Shuts the door, commits and acknowledges what has come in, then ends the connections. */
  close(): Promise<void>;
};

const drainMsMax = 10_000;

/** Wires the stage; nothing listens yet. */
export async function createIngest(options: PipelineOptions): Promise<Ingest> {
  const { database, log } = options;
  const { intake, counters } = createPipeline(options);
  const door = await createMqttDoor({ authenticate: createDeviceAuthenticator(database.db), intake, counters, log });
  return {
    listen: door.listen,
    close: async () => {
      door.stopReading();
      await intake.drain(drainMsMax);
      await door.close();
    },
  };
}
