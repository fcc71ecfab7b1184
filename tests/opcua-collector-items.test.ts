/** Items one by one: those that cannot be read, that vanish, change, overflow, and those that are parts of a value. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Collecting,
  type CollectingOptions,
  itemOf,
  numberItems,
  startCollecting,
  until,
} from './support/opcua-collecting.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

let server: OpcuaServer;

beforeAll(async () => {
  server = await startOpcuaServer({ items: 60, hz: 10, queueMax: 8, monitoredItemsPerCallMax: 7, nodesPerReadMax: 7 });
});
afterAll(() => server.stop());

describe.concurrent('an item', () => {
  test('is added and removed while the others are read on', async () => {
    await reading({ items: numberItems(3) }, async (collecting) => {
      await until(() => collecting.valuesOf(3).length > 3, 'the first come');
      collecting.collector.setItems([...numberItems(2), ...numberItems(12).slice(5)]);
      await until(() => collecting.valuesOf(12).length > 3, 'the added come');
      const removed = collecting.valuesOf(3).length;
      await sleep(500);
      expect(collecting.valuesOf(3).length - removed).toBeLessThanOrEqual(2);
      const made = await server.madeNumbers();
      const [first, last] = [Number(collecting.valuesOf(1)[0]?.value), Number(collecting.valuesOf(1).at(-1)?.value)];
      expect(
        collecting.missing(
          1,
          made.filter((number) => number >= first && number <= last),
        ),
      ).toEqual([]);
    });
  });

  test('whose node is not there is asked for until it is', async () => {
    const items = [...numberItems(1), itemOf(70, 'late'), itemOf(71, 'x', { node: 'nsu=urn:nobody;s=x' })];
    await reading({ items }, async (collecting) => {
      await until(() => collecting.items.get(70)?.state === 'failing', 'it fails');
      expect(collecting.items.get(70)).toMatchObject({
        status: 'BadNodeIdUnknown',
        detail: expect.stringMatching(/asked again/),
      });
      expect(collecting.items.get(71)).toMatchObject({ state: 'failing', detail: expect.stringMatching(/namespace/) });
      expect(collecting.state()).toBe('degraded');
      expect(collecting.trouble()?.code).toBe('items_failing');
      await server.addNode('late', { value: 5 });
      await until(() => collecting.valuesOf(70).at(-1)?.value === 5, 'it is read', 12_000);
      await until(() => collecting.items.get(70)?.dataType === 'Double', 'and told of');
      expect(collecting.items.get(70)).toMatchObject({ state: 'monitored', status: null });
    });
  });

  test('whose node vanishes is gone, and is read again when it is back, of another type', async () => {
    await server.addNode('volatile', { value: 1 });
    await reading({ items: [itemOf(1, 'volatile')] }, async (collecting) => {
      await until(() => collecting.valuesOf(1).length > 0, 'it is read');
      await server.deleteNode('volatile');
      await until(() => collecting.items.get(1)?.state === 'gone', 'it is gone');
      expect(collecting.items.get(1)?.detail).toMatch(/was there and is gone/);
      await server.addNode('volatile', { dataType: 'String', value: 'back' });
      await until(() => collecting.valuesOf(1).at(-1)?.value === 'back', 'it is back', 12_000);
      await until(() => collecting.items.get(1)?.dataType === 'String', 'and said to be');
      expect(collecting.items.get(1)).toMatchObject({
        state: 'monitored',
        detail: expect.stringMatching(/changed from Double to String/),
      });
      expect(collecting.gaps).toEqual([expect.objectContaining({ itemId: 1, reason: 'refused' })]);
    });
  });

  test('whose queue overflows while there is no room has a gap from the value before to the one after', async () => {
    await reading({ items: numberItems(2) }, async (collecting) => {
      await until(() => collecting.valuesOf(1).length > 3, 'values come');
      expect(collecting.items.get(1)).toMatchObject({
        revisedBridgeMs: 800,
        detail: expect.stringMatching(/bridges 800 ms/),
      });
      expect(collecting.trouble()?.code).toBe('queues_shorter');
      collecting.setRoom(false);
      await sleep(4_000);
      const held = collecting.valuesOf(1).length;
      await sleep(500);
      expect(collecting.valuesOf(1).length).toBe(held);
      collecting.setRoom(true);
      await until(() => collecting.gaps.length >= 2, 'gaps', 10_000);
      await until(() => collecting.valuesOf(1).length > held + 15, 'values come again');
      const gap = collecting.gaps.find(({ itemId }) => itemId === 1);
      expect(gap?.reason).toBe('overflow');
      const made = await server.madeNumbers();
      const [first, last] = [Number(collecting.valuesOf(1)[0]?.value), Number(collecting.valuesOf(1).at(-1)?.value)];
      const missing = collecting.missing(
        1,
        made.filter((number) => number >= first && number <= last),
      );
      expect(missing.length).toBeGreaterThan(0);
      for (const number of missing) {
        expect(server.timeOf(number)).toBeGreaterThan(gap?.fromMs ?? 0);
        expect(server.timeOf(number)).toBeLessThan(gap?.toMs ?? 0);
      }
    });
  });

  test('whose queue overflowed while the program was stopped has a gap from the last commit on', async () => {
    const items = numberItems(2);
    let resume: CollectingOptions['resume'] = null;
    await reading({ items }, async (collecting) => {
      await until(() => collecting.valuesOf(1).length > 3, 'values come');
      await collecting.collector.close({ keep: true });
      resume = { ...collecting.kept(), throughMs: Math.max(...collecting.values.map(({ timeMs }) => timeMs)) };
    });
    await sleep(4_000);
    await reading({ items, resume }, async (collecting) => {
      await until(() => collecting.valuesOf(1).length > 15, 'values come again');
      expect(collecting.events[0]).toEqual({ isWhole: true });
      const fromMs = (resume as { throughMs: number }).throughMs;
      const gap = collecting.gaps.find(({ itemId }) => itemId === 1);
      expect(gap?.reason).toBe('overflow');
      // What had been sent and not acknowledged is sent again, so that the gap begins a little later.
      expect(gap?.fromMs).toBeGreaterThanOrEqual(fromMs);
      expect(gap?.fromMs).toBeLessThan(fromMs + 2_000);
    });
  });

  test('with a dead-band that the server refuses is read without it, and says so', async () => {
    const items = [
      itemOf(1, 'n0', { deadbandKind: 'percent', deadband: 5 }),
      itemOf(2, 'n0', { deadbandKind: 'absolute', deadband: 5 }),
      itemOf(3, 'temperature', { deadbandKind: 'percent', deadband: 50 }),
    ];
    await reading({ items }, async (collecting) => {
      await until(() => collecting.valuesOf(1).length > 15, 'values come');
      expect(collecting.items.get(1)?.detail).toMatch(/refuses the dead-band \(Bad/);
      expect(collecting.items.get(2)?.detail).not.toMatch(/dead-band/);
      expect(collecting.items.get(3)?.detail).not.toMatch(/dead-band/);
      expect(collecting.valuesOf(2).length).toBeLessThan(collecting.valuesOf(1).length / 2);
      await server.setValue('temperature', 20);
      await sleep(600);
      expect(collecting.valuesOf(3).map(({ value }) => value)).toEqual([7]);
      await server.setValue('temperature', 39);
      await until(() => collecting.valuesOf(3).at(-1)?.value === 39, 'a change beyond it comes');
    });
  });
});

test.each([
  ['boolean', '', 1],
  ['int64', '', -64],
  ['uint64', '', 2 ** 32],
  ['float', '', 1.5],
  ['string', '', 'running'],
  ['localizedtext', '', 'running'],
  ['enumeration', '', 2],
  ['datetime', '', '2026-01-01T00:00:00.000Z'],
  ['array', '[2]', 3],
  ['matrix', '[1,0]', 3],
  ['pump', 'Running', 1],
  ['pump', 'Inlet.Pressure', 201],
  ['pump', 'Currents[1]', 11],
  ['pump', 'Label', 'pump 1'],
  ['pumps', '[1].Speed', 1_482],
  ['array', '', null],
  ['pump', 'Outlet', null],
])('of %s the field "%s" is %j', async (name, field, value) => {
  await reading({ items: [itemOf(1, name, { field })] }, async (collecting) => {
    await until(() => collecting.valuesOf(1).length > 0, 'it comes');
    expect(collecting.valuesOf(1)[0]).toMatchObject({ value, status: 0 });
    await until(() => collecting.items.get(1)?.dataType != null, 'it is told of');
    expect(collecting.items.get(1)?.state).toBe(value === null ? 'failing' : 'monitored');
  });
});

test('a status comes whole, with its time', async () => {
  await reading({ items: [itemOf(1, 'double')] }, async (collecting) => {
    await until(() => collecting.valuesOf(1).length > 0, 'it comes');
    await server.setValue('double', 3.5, { status: 'UncertainLastUsableValue', timeMs: 1_750_000_000_123 });
    await until(() => collecting.valuesOf(1).length > 1, 'it changes');
    expect(collecting.valuesOf(1)[1]).toEqual({
      itemId: 1,
      timeMs: 1_750_000_000_123,
      value: 3.5,
      status: 0x4090_0000,
    });
  });
});

/** Reads the server of these tests while something is looked at. */
async function reading(options: CollectingOptions, look: (collecting: Collecting) => Promise<void>): Promise<void> {
  const collecting = await startCollecting(server.endpointUrl, options);
  try {
    await look(collecting);
  } finally {
    await collecting.collector.close();
  }
}
