import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createLog } from '../../../platform/log.ts';
import { createIngestCounters } from '../../intake/counters.ts';
import { createRefusals } from './refusals.ts';

test('a flood of refusals is counted one by one, and takes a hundred lines of the log', async () => {
  const lines: string[] = [];
  const counters = createIngestCounters(new Registry());
  const noteRefusal = createRefusals(counters, createLog('info', { write: (line) => lines.push(line) }));
  for (let i = 0; i < 5_000; i++)
    noteRefusal('credentials_wrong', { address: '192.0.2.1', username: 'x'.repeat(1_000) });
  const { values } = await counters.refused.get();
  expect(values).toEqual([{ labels: { reason: 'credentials_wrong' }, value: 5_000 }]);
  expect(lines.length).toBeGreaterThanOrEqual(100);
  expect(lines.length).toBeLessThan(200);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    reason: 'credentials_wrong',
    address: '192.0.2.1',
    username: 'x'.repeat(64),
  });
});
