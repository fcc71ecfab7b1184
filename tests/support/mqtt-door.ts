import { afterEach, beforeEach } from 'vitest';
import type { DoorSettings } from '../../src/ingest/mqtt/door/door.ts';
import { startTestIngest, type TestIngest } from './ingest.ts';
import { connectRaw, openRaw, type RawClient } from './mqtt-client.ts';

export type Door = {
  ingest(): TestIngest;
  /** A client that is connected and accepted. */
  connected(options?: Parameters<typeof connectRaw>[1]): Promise<RawClient>;
  /** A TCP connection that has not said anything. */
  opened(): Promise<RawClient>;
};

/** Gives each test of the file an ingest stage with an empty database, and ends its clients afterwards. */
export function useIngest(
  doors: () => DoorSettings = () => ({}),
  pipeline: () => Parameters<typeof startTestIngest>[1] = () => ({}),
): Door {
  let ingest: TestIngest;
  const clients: RawClient[] = [];
  beforeEach(async () => {
    ingest = await startTestIngest(doors(), pipeline());
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end();
    await ingest.close();
  });
  const kept = (client: RawClient) => {
    clients.push(client);
    return client;
  };
  return {
    ingest: () => ingest,
    connected: async (options) => kept(await connectRaw(ingest.port, options)),
    opened: async () => kept(await openRaw(ingest.port)),
  };
}
