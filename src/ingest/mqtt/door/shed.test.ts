import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createIngestCounters } from '../../intake/counters.ts';
import type { MqttGuest } from '../broker/session.ts';
import { shedWaiting } from './shed.ts';

test('a device that takes its time to go is sent away once, and those after it have their turn', async () => {
  const registry = new Registry();
  const counters = createIngestCounters(registry);
  const ended: number[] = [];
  const guests = new Set(
    Array.from({ length: 30 }, (_, i) => {
      const session = { waiting: () => 1, waitingBytes: () => 1_000 - i };
      return { session, connection: { end: () => ended.push(i) }, endReason: undefined } as unknown as MqttGuest;
    }),
  );
  const intake = { state: () => 'shedding' } as never;
  for (let step = 0; step < 3; step++) shedWaiting(guests, { intake, counters });
  expect(ended).toEqual(Array.from({ length: 30 }, (_, i) => i));
  const refused = await registry.getSingleMetric('faultline_ingest_connections_refused_total')?.get();
  expect(refused?.values).toMatchObject([{ labels: { reason: 'database_away' }, value: 30 }]);
});
