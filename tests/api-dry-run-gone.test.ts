/** A client that goes before its dry run has ended: the run ends as well, and leaves its place to the next. */
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary, storeReadings, warmText } from './support/api-rules.ts';
import { eventually } from './support/program.ts';

let api: TestApi;
let world: World;
const lines: string[] = [];
beforeAll(async () => {
  api = await startTestApi({
    dryRunLimits: { msMax: 30_000, evaluationsMax: 10_000_000 },
    log: createLog('error', { write: (line) => lines.push(line) }),
  });
  world = await makeWorld(api.database);
  await classifyEquipment(api, world);
  await deployLibrary(api);
  await storeReadings(api, world, Date.UTC(2026, 0, 5), [20]);
  await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());

const day = { from: '2026-01-05T00:00:00Z', to: '2026-01-06T00:00:00Z' };
const status = async () => {
  const body = { ...day, asset_id: world.ahuId };
  return (await api.call('POST', '/api/v1/rules/sat-warm/test', { key: world.key, body })).status;
};

test('a run ends with the connection that asked for it', async () => {
  const windows = Array.from({ length: 18 }, (_, i) => `w${i}: stddev(sat, '${31 * 1_440 - i}m')`).join('\n  ');
  const text = warmText
    .replace('let: { excess: sat - limit }', `let:\n  excess: sat - limit\n  ${windows}`)
    .replace('for: 10m', 'for: 31d');
  const body = JSON.stringify({
    from: '2025-12-01T00:00:00Z',
    to: '2026-12-01T00:00:00Z',
    asset_id: world.ahuId,
    text,
  });
  const slow = request({
    port: (api.app.server.address() as AddressInfo).port,
    host: '127.0.0.1',
    path: '/api/v1/rules/sat-warm/test',
    method: 'POST',
    headers: { authorization: `Bearer ${world.key}`, 'content-type': 'application/json' },
  });
  slow.on('error', () => undefined);
  slow.end(body);
  await sleep(2_000);
  // One tenant has one run at a time.
  expect(await status()).toBe(503);
  // That others were busy is no error of the server's.
  expect(lines).toEqual([]);
  slow.destroy();
  await eventually('its place is free', async () => ((await status()) === 200 ? true : undefined), 5_000);
});
