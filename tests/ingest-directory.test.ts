/** The names that devices use, while what is in memory grows old. */
import { afterEach, expect, test, vi } from 'vitest';
import type { Device } from '../src/access/device.ts';
import { createDirectory } from '../src/ingest/decode/directory.ts';
import { createInterpret } from '../src/ingest/decode/interpret.ts';
import { createTenants } from '../src/ingest/decode/tenants.ts';
import type { Message } from '../src/ingest/intake/message.ts';
import { startTestIngest } from './support/ingest.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function message(device: Device, topic: string, payload: string): Message {
  const origin = { device, settle: () => undefined, flush: () => undefined };
  const sent = {
    payload: Buffer.from(payload),
    receivedMs: Date.now(),
    qos: 1,
    messageId: 1,
    isRepeated: false,
  } as const;
  return { origin, topic, ...sent };
}

test.each([
  ['readings', () => '1'],
  ['readings with descriptions among them', (i: number) => (i % 1_000 === 0 ? '{"class":"brick:AHU"}' : '1')],
])(
  'a site whose time in memory ends in the middle of a batch is known to the whole batch: %s',
  async (_name, payloadOf) => {
    await using ingest = await startTestIngest();
    const device = {
      id: ingest.tenantId,
      tenantId: ingest.tenantId,
      username: 'gateway',
      subscribeGrants: [],
      grants: ['telemetry/north/#'],
    };
    const messages = Array.from({ length: 5_000 }, (_, i) => {
      const payload = payloadOf(i);
      return message(device, `telemetry/north/a/${payload === '1' ? `p${i % 10}` : '$points'}`, payload);
    });
    const { db } = ingest.database;
    const interpret = createInterpret({ directory: createDirectory(db), tenants: createTenants(db) });
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 10));
    const first = await interpret(messages);
    nowMs += 29_900;
    const second = await interpret(messages);
    const readings = messages.filter(({ topic }) => !topic.endsWith('$points')).length;
    expect([first, second].map(({ arrivals, rejected }) => [arrivals.length, rejected.length])).toEqual([
      [readings, 0],
      [readings, 0],
    ]);
  },
);
