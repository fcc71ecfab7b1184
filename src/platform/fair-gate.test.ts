import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createFairGate } from './fair-gate.ts';

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
