import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createFairGate, createPatientSlots } from './fair-gate.ts';

/** Work that lasts until it is let go, and what has begun and ended so far. */
function createWork() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.push(() => resolve(name)));
  };
  const endOne = async () => {
    ends.shift()?.();
    await turn();
  };
  return { begun, work, endOne };
}

test('lanes take turns, whoever fills one', async () => {
  const gate = createFairGate({ atOnceMax: 1, waitingMax: 100 });
  const { begun, work, endOne } = createWork();
  for (const name of ['a1', 'a2', 'a3', 'b1', 'a4', 'c1', 'b2']) void gate(name.charAt(0), work(name));
  for (let i = 0; i < 7; i++) await endOne();
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
});

test('not more than allowed runs at once, and what fails makes room as well', async () => {
  const gate = createFairGate({ atOnceMax: 2, waitingMax: 100 });
  const { begun, work, endOne } = createWork();
  const failed = gate('a', () => Promise.reject(new Error('broken')));
  const all = ['b', 'c', 'd'].map((name) => gate(name, work(name)));
  await expect(failed).rejects.toThrow('broken');
  await turn();
  expect(begun).toEqual(['b', 'c']);
  for (let i = 0; i < 3; i++) await endOne();
  expect(await Promise.all(all)).toEqual(['b', 'c', 'd']);
});

test('beyond the limit it is the longest lane that gives up its last', async () => {
  const gate = createFairGate({ atOnceMax: 1, waitingMax: 3 });
  const { begun, work, endOne } = createWork();
  const outcomes = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2'].map((name) => gate(name.charAt(0), work(name)));
  for (let i = 0; i < 6; i++) await endOne();
  expect(await Promise.all(outcomes)).toEqual(['a1', 'a2', undefined, undefined, 'b1', 'b2']);
  expect(begun).toEqual(['a1', 'a2', 'b1', 'b2']);
});

test('who finds no place waits until one is left, in the order in which they came', async () => {
  const slots = createPatientSlots({ inAllMax: 2, ofPartyMax: 2 }, { waitMsMax: 60_000, waitingMax: 2 });
  const [first, second] = [await slots('a'), await slots('a')];
  const entered: string[] = [];
  const waiting = ['third', 'fourth'].map(async (name) => {
    const leave = await slots('b');
    entered.push(name);
    return leave;
  });
  await turn();
  expect(entered).toEqual([]);
  expect(await slots('c')).toBeUndefined();
  first?.();
  await waiting[0];
  expect(entered).toEqual(['third']);
  second?.();
  await waiting[1];
  expect(entered).toEqual(['third', 'fourth']);
});

test('who waits in vain is told so, and leaves no place taken', async () => {
  const slots = createPatientSlots({ inAllMax: 1, ofPartyMax: 1 }, { waitMsMax: 20, waitingMax: 9 });
  const leave = await slots('a');
  expect(await slots('b')).toBeUndefined();
  leave?.();
  expect(await slots('b')).toBeTypeOf('function');
});
