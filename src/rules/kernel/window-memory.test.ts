import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WindowName } from '../language/vocabulary.ts';
import { ringSize } from './window-blocks.ts';
import { readWindow, ringIndex, writeRing } from './window-memory.ts';

describe('windows of four ticks; the value before the window stands first, a dash is unknown', () => {
  test.each<[WindowName, string, number]>([
    ['avg', '9 1 2 3 4', 2.5],
    ['avg', '9 1 - 3 4', Number.NaN],
    ['lowest', '0 3 1 2 4', 1],
    ['highest', '9 3 1 2 4', 4],
    ['stddev', '9 1 1 3 3', 1],
    ['delta', '1 7 7 7 4', 3],
    ['delta', '- 7 7 7 4', Number.NaN],
    ['rate', '1 7 7 7 4', 6],
    ['ago', '8 1 2 3 4', 8],
    ['ago', '- 1 2 3 4', Number.NaN],
    ['starts', '0 1 0 1 1', 2],
    ['starts', '1 1 0 1 1', 1],
    ['duty', '1 1 0 0 0', 0.25],
    ['changes', '5 5 6 6 7', 2],
    ['changes', '4 5 6 6 7', 3],
    ['reversals', '9 0 2 0 2', 2],
    ['reversals', '9 0 2 1.5 3', 0],
    ['reversals', '0 2 1 2 1.5', 1],
    ['reversals', '9 5 5 5 5', 0],
    ['reversals', '9 0 3 2.5 2', 1],
    ['reversals', '0 2 - 0 2', Number.NaN],
    ['avg', '0 9e307 9e307 1 1', Number.NaN],
    ['stddev', '0 1e200 -1e200 1 1', Number.NaN],
    ['delta', '-9e307 1 1 1 9e307', Number.NaN],
    ['rate', '0 1 1 1 9e307', Number.NaN],
    ['held', '0 1 1 1 1', 1],
    ['held', '1 1 1 0 1', 0],
    ['held', '1 0 - - -', 0],
    ['held', '1 1 - 1 1', Number.NaN],
  ])('%s of %s is %d', (name, values, wanted) => {
    expect(readWindow(name, ring(values.split(' ').map(Number)), 4, 4, 0.5, 0.8)).toEqual(wanted);
  });

  test.each([
    [0.8, 5, 4, 'enough'],
    [0.8, 5, 3, 'too little'],
    [0.8, 15, 12, 'enough'],
    [0.28, 25, 7, 'enough'],
    [0.5, 4, 2, 'enough'],
  ])('a cover of %d over %i ticks with %i usable is %s', (minCover, ticks, usable, verdict) => {
    const values = Array.from({ length: ticks + 1 }, (_, index) => (index >= 1 && index <= usable ? 1 : Number.NaN));
    expect(Number.isNaN(readWindow('avg', ring(values), ticks, ticks, 1, minCover))).toBe(verdict === 'too little');
  });
});

test('a ring read at any tick gives what the plain list of its last values gives', () => {
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -5, max: 5 }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  );
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 8, maxLength: 40 }),
      fc.integer({ min: -100, max: 100 }),
      (values, first) => {
        const place = { memory: new Float64Array(20).fill(Number.NaN), start: 7, length: 6, isBlocked: false };
        values.forEach((one, index) => {
          const newest = ringIndex(first + index, 6);
          writeRing(place, newest, one);
          const window = values.slice(Math.max(0, index - 4), index + 1).filter((held) => !Number.isNaN(held));
          const mean = window.length >= 4 ? window.reduce((sum, held) => sum + held, 0) / window.length : Number.NaN;
          const least = window.length >= 4 ? Math.min(...window) : Number.NaN;
          expect(readWindow('avg', place, newest, 5, 1, 0.8)).toEqual(mean);
          expect(readWindow('lowest', place, newest, 5, 1, 0.8) + 0).toEqual(least + 0);
          expect(readWindow('ago', place, newest, 5, 1, 0.8)).toEqual(values[index - 5] ?? Number.NaN);
        });
      },
    ),
  );
});

const names: WindowName[] = 'avg duty stddev lowest highest held starts changes delta ago rate'.split(
  ' ',
) as WindowName[];

test('a long window read in blocks gives what it gives value by value, and the same whenever its run began', () => {
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(0, 1, 1, 1, 2.25, -7.125) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  );
  const shape = fc.record({
    ticks: fc.constantFrom(129, 130, 192, 200, 256),
    values: fc.array(value, { minLength: 420, maxLength: 700 }),
    first: fc.integer({ min: -500, max: 500 }),
    later: fc.integer({ min: 0, max: 100 }),
  });
  fc.assert(
    fc.property(shape, fc.constantFrom(...names), fc.boolean(), ({ ticks, values, first, later }, name, isTruth) => {
      const isOfTruths = isTruth || name === 'held';
      const stored = isOfTruths ? values.map((one) => (one > 1 ? 1 : one < 0 ? 0 : one)) : values;
      const plain = { memory: new Float64Array(1024).fill(Number.NaN), start: 0, length: 1024, isBlocked: false };
      const [whole, begun] = [blocked(ticks), blocked(ticks)];
      stored.forEach((one, index) => {
        const tick = first + index;
        writeRing(plain, ringIndex(tick, 1024), one);
        writeRing(whole, ringIndex(tick, whole.length), one);
        if (index >= later) writeRing(begun, ringIndex(tick, begun.length), one);
        if (index < later + ticks || index % 7 > 0) return;
        const read = (place: typeof whole) => readWindow(name, place, ringIndex(tick, place.length), ticks, 1, 0.5);
        const [inBlocks, oneByOne] = [read(whole), read(plain)];
        if (Number.isNaN(oneByOne)) expect(inBlocks).toBeNaN();
        else expect(inBlocks).toBeCloseTo(oneByOne, 9);
        expect(read(begun)).toBe(inBlocks);
      });
    }),
    { numRuns: 150 },
  );
});

function blocked(ticks: number) {
  const { length, size, isBlocked } = ringSize(ticks);
  expect(isBlocked).toBe(true);
  return { memory: new Float64Array(size + 3).fill(Number.NaN), start: 3, length, isBlocked };
}

function ring(values: number[]) {
  return { memory: Float64Array.from(values), start: 0, length: values.length, isBlocked: false };
}
