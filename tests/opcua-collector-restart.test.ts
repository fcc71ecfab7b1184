/** The program stops and is started again, or stands still, while the server goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Collecting,
  itemOf,
  numberItems,
  ourCertificate,
  startCollecting,
  until,
} from './support/opcua-collecting.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

const count = 10;
let server: OpcuaServer;

beforeAll(async () => {
  await ourCertificate();
  server = await startOpcuaServer({ items: count, hz: 10, users: { anna: 'open sesame' } });
});
afterAll(() => server.stop());

describe.concurrent('a program that is started again', () => {
  test.each([
    ['without security, through its old session', {}, true],
    [
      'as a user, through its old session',
      { spec: { identity: { kind: 'username', username: 'anna', password: 'open sesame' } } },
      true,
    ],
    [
      'with security, by a transfer to a new session',
      { spec: { securityMode: 'sign_and_encrypt', securityPolicy: 'basic256sha256' } },
      false,
    ],
  ] as const)('misses nothing, %s', async (_, options, keepsSession) => {
    const items = numberItems(count);
    const first = await startCollecting(server.endpointUrl, { ...options, items });
    await until(() => first.values.length > count * 10, 'values come');
    await first.collector.close({ keep: true });
    const { subscriptions, session } = first.kept();
    await sleep(1_500);

    const resume = { subscriptions, session: keepsSession ? (session ?? null) : null };
    const second = await startCollecting(server.endpointUrl, { ...options, items, resume });
    await until(() => second.values.length > count * 25, 'values come again');
    await second.collector.close();
    expect(second.events[0]).toEqual({ isWhole: true });
    await expectNothingMissing([first, second]);
  });

  test('is given again what was never committed, and does not acknowledge it', async () => {
    const items = numberItems(count);
    let isKeeping = true;
    const first = await startCollecting(server.endpointUrl, {
      items,
      port: {
        // The database stands still after a while: nothing is committed any more.
        deliver: (values) => {
          if (isKeeping) first.values.push(...values);
          return isKeeping ? Promise.resolve() : new Promise(() => {});
        },
      },
    });
    await until(() => first.values.length > count * 5, 'values come');
    isKeeping = false;
    await sleep(1_500);
    await first.collector.close({ keep: true });
    const second = await startCollecting(server.endpointUrl, { items, resume: first.kept() });
    await until(() => second.values.length > count * 20, 'values come again');
    await second.collector.close();
    await expectNothingMissing([first, second]);
  });

  test('says so where the server has nothing of it any more, and leaves nothing behind', async () => {
    const first = await startCollecting(server.endpointUrl, { items: numberItems(2) });
    await until(() => first.values.length > 10, 'values come');
    await first.collector.close();
    const second = await startCollecting(server.endpointUrl, { items: numberItems(2), resume: first.kept() });
    await until(() => second.values.length > 10, 'values come again');
    await second.collector.close();
    expect(second.events[0]).toEqual({ isWhole: false });
    expect(second.gaps).toEqual([]);
  });

  test('reads what it is to read now, and no more what it was', async () => {
    const first = await startCollecting(server.endpointUrl, { items: numberItems(4) });
    await until(() => first.values.length > 10, 'values come');
    await first.collector.close({ keep: true });
    const items = [...numberItems(2), itemOf(9, 'n3', { samplingIntervalMs: 200 })];
    const second = await startCollecting(server.endpointUrl, { items, resume: first.kept() });
    await until(() => second.valuesOf(9).length > 2, 'the changed one comes');
    await sleep(500);
    expect(new Set(second.values.map(({ itemId }) => itemId))).toEqual(new Set([1, 2, 9]));
    expect(second.kept().subscriptions.flatMap((subscription) => subscription.items)).toHaveLength(3);
    await second.collector.close();
  });
});

async function expectNothingMissing(collectings: readonly Collecting[]): Promise<void> {
  const made = await server.madeNumbers();
  for (const { id } of numberItems(count)) {
    const had = collectings.flatMap((collecting) => collecting.valuesOf(id)).map(({ value }) => Number(value));
    const [first, last] = [had[0] ?? 0, had.at(-1) ?? 0];
    const known = new Set(had);
    expect(made.filter((number) => number >= first && number <= last && !known.has(number))).toEqual([]);
  }
}
