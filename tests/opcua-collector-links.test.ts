/** Numbered samples at 10 Hz while the link breaks in each way that a link breaks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Collecting, numberItems, startCollecting, until } from './support/opcua-collecting.ts';
import { type CuttingProxy, startCuttingProxy } from './support/opcua-proxy.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

const count = 20;
let server: OpcuaServer;

beforeAll(async () => {
  server = await startOpcuaServer({ items: count, hz: 10 });
});
afterAll(() => server.stop());

describe.concurrent('a link that', () => {
  test('is cut loses nothing of what the server has queued', async () => {
    await whileReading(async (collecting, proxy) => {
      proxy.cut();
      await until(() => collecting.state() === 'failing', 'the cut is noticed');
      expect(collecting.trouble()?.code).toBe('unreachable');
      await sleep(3_000);
      proxy.heal();
      await flowsAgain(collecting, 5_000);
      expect(collecting.gaps).toEqual([]);
    });
  });

  test('is silent without being closed is made anew, and loses nothing either', async () => {
    await whileReading(async (collecting, proxy) => {
      proxy.drop();
      await until(
        () => collecting.reports.some(({ trouble }) => trouble?.code === 'not_responding'),
        'silence',
        15_000,
      );
      await until(() => collecting.state() === 'failing', 'an attempt fails', 10_000);
      proxy.heal();
      await flowsAgain(collecting, 10_000);
      expect(collecting.gaps).toEqual([]);
    });
  });
});

/** Reads through a proxy, does something to it, and expects that no number is missing between the first and the last. */
async function whileReading(disturb: (collecting: Collecting, proxy: CuttingProxy) => Promise<void>): Promise<void> {
  const proxy = await startCuttingProxy(server.port);
  const collecting = await startCollecting(`opc.tcp://127.0.0.1:${proxy.port}`, { items: numberItems(count) });
  try {
    await until(() => collecting.values.length > count * 5, 'values come');
    await disturb(collecting, proxy);
    await sleep(500);
  } finally {
    await collecting.collector.close();
    await proxy.close();
  }
  const made = await server.madeNumbers();
  for (const { id } of numberItems(count)) {
    const had = collecting.valuesOf(id);
    const [first, last] = [Number(had[0]?.value), Number(had.at(-1)?.value)];
    expect(last - first).toBeGreaterThan(20);
    const between = made.filter((number) => number >= first && number <= last);
    expect(collecting.missing(id, between)).toEqual([]);
  }
}

async function flowsAgain({ values }: Collecting, msMax: number): Promise<void> {
  const before = values.length;
  await until(() => values.length > before + count * 3, 'values come again', msMax);
}
