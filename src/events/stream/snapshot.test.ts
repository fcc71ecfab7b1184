import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advanceBelow, formatSnapshot, parseSnapshot, type Snapshot } from './snapshot.ts';

/** As pg_visible_in_snapshot tells it. */
function sees({ xmin, xmax, xips }: Snapshot, xid: number): boolean {
  if (xid < xmin) return true;
  return xid < xmax && !xips.includes(xid);
}

const least = 90;
const greatest = 130;
const all = Array.from({ length: greatest - least + 20 }, (_, i) => least - 10 + i);

/** Transactions from 100 on begin one by one and end in any order; a snapshot lists those that have begun and not ended. */
const twoSnapshots = fc
  .record({
    begunFrom: fc.integer({ min: 100, max: 115 }),
    begunTo: fc.integer({ min: 115, max: greatest }),
    openTo: fc.uniqueArray(fc.integer({ min: 100, max: greatest - 1 })),
    endedSince: fc.uniqueArray(fc.integer({ min: 100, max: 114 })),
  })
  .map(({ begunFrom, begunTo, openTo, endedSince }) => {
    const to = snapshotOf(begunTo, openTo);
    return { from: snapshotOf(begunFrom, [...openTo, ...endedSince]), to };
  });

function snapshotOf(xmax: number, open: readonly number[]): Snapshot {
  const xips = [...new Set(open)].filter((xid) => xid < xmax).sort((a, b) => a - b);
  return { xmin: xips[0] ?? xmax, xmax, xips };
}

test('a place between two snapshots sees what the older saw, and below a transaction what the newer sees', () => {
  fc.assert(
    fc.property(twoSnapshots, fc.integer({ min: 100, max: greatest }), ({ from, to }, xid) => {
      const between = advanceBelow(xid, { from, to });
      for (const one of all) {
        expect([one, sees(between, one)]).toEqual([one, sees(from, one) || (one < xid && sees(to, one))]);
      }
    }),
    { numRuns: 500 },
  );
});

test('the text form is that of PostgreSQL, and comes back as it was', () => {
  fc.assert(
    fc.property(twoSnapshots, ({ from }) => {
      expect(formatSnapshot(from)).toBe(`${from.xmin}:${from.xmax}:${from.xips.join(',')}`);
      expect(parseSnapshot(formatSnapshot(from))).toEqual(from);
    }),
  );
});

test('with very many transactions under way it has seen less, never more', () => {
  const xips = Array.from({ length: 300 }, (_, i) => 1_000 + 2 * i);
  const short = parseSnapshot(formatSnapshot({ xmin: 1_000, xmax: 1_600, xips }));
  expect(short).toEqual({ xmin: 1_000, xmax: 1_000, xips: [] });
});

test.each(['', ':', '1:2', '2:1:', 'a:b:c', '1:2:x', '1:2:1,', '-1:2:', `1:2:${'9'.repeat(20)}`, '1:2:1;drop'])(
  '%j is no snapshot',
  (text) => expect(parseSnapshot(text)).toBeUndefined(),
);
