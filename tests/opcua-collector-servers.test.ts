/** Numbered samples at 10 Hz while the server itself is frozen, killed, and started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FoundGap } from '../src/ingest/opcua/connection.ts';
import { type Collecting, numberItems, startCollecting, until } from './support/opcua-collecting.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

const count = 20;
let server: OpcuaServer;
let collecting: Collecting;
/** Of the tests before. */
const gaps: FoundGap[] = [];

beforeAll(async () => {
  server = await startOpcuaServer({ items: count, hz: 10 });
  collecting = await startCollecting(server.endpointUrl, { items: numberItems(count) });
  await until(() => collecting.values.length > count * 5, 'values come');
});
afterAll(async () => {
  await collecting.collector.close();
  await server.stop();
});

test('a server that is frozen for 5 s is read on as soon as it moves', async () => {
  server.freeze();
  await sleep(5_000);
  server.thaw();
  await flowsAgain(10_000);
  expect(await numbersMissing()).toEqual([]);
  expect(collecting.gaps).toEqual([]);
});

test.each(['dropSubscriptions', 'dropSessions'] as const)(
  'after %s at the server all is asked for anew, with a gap before it',
  { timeout: 30_000 },
  async (drop) => {
    collecting.gaps.length = 0;
    await server[drop]();
    await flowsAgain(10_000);
    expect(collecting.gaps).toEqual([expect.objectContaining({ itemId: null, reason: 'link_lost' })]);
    expect(await server.counts()).toMatchObject({ sessions: 1, subscriptions: 1, monitoredItems: count });
    gaps.push(...collecting.gaps.splice(0));
  },
);

test('a server that is killed leaves one gap, recorded before what comes after it', async () => {
  await server.kill();
  await until(() => collecting.state() === 'failing', 'the death is noticed');
  expect(collecting.trouble()?.code).toBe('unreachable');
  await server.restart();
  await flowsAgain(10_000);
  expect(collecting.state()).toBe('connected');

  expect(collecting.gaps).toEqual([expect.objectContaining({ itemId: null, reason: 'server_restarted' })]);
  const [gap] = collecting.gaps;
  gaps.push(...collecting.gaps);
  const outside = (await numbersMissing()).filter((number) => {
    const timeMs = server.timeOf(number);
    return !gaps.some(({ fromMs, toMs }) => timeMs >= fromMs && timeMs <= toMs);
  });
  expect(outside).toEqual([]);
  const at = collecting.events.indexOf(gap as FoundGap);
  const before = collecting.events.slice(0, at).flatMap((event) => (Array.isArray(event) ? event : []));
  expect(before.length).toBeGreaterThan(0);
  expect(Math.max(...before.map(({ timeMs }) => timeMs))).toBeLessThan(gap?.toMs ?? 0);
});

async function flowsAgain(msMax: number): Promise<void> {
  const before = collecting.values.length;
  await until(() => collecting.values.length > before + count * 5, 'values come again', msMax);
}

/** Numbers that at least one item never had, between the first and the last that it had. */
async function numbersMissing(): Promise<number[]> {
  const made = await server.madeNumbers();
  const missing = numberItems(count).flatMap(({ id }) => {
    const had = collecting.valuesOf(id);
    const [first, last] = [Number(had[0]?.value), Number(had.at(-1)?.value)];
    return collecting.missing(
      id,
      made.filter((number) => number >= first && number <= last),
    );
  });
  return [...new Set(missing)];
}
