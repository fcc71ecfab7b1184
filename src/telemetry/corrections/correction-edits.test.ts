import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Change,
  countEdits,
  type Edit,
  editRows,
  linear,
  type Recorded,
  type Row,
  revertEdits,
} from './correction-edits.ts';

const quality = fc.constantFrom(0, 1, 2);
const value = fc.oneof(fc.constantFrom(0, 1, -1, 20, 1e-3), fc.double({ noNaN: true, min: -1e6, max: 1e6 }));
const rowsOf = fc.uniqueArray(
  fc.record({ timeMs: fc.integer({ min: 0, max: 50 }), value: fc.option(value), quality }).map((row) => ({
    ...row,
    quality: row.value === null ? 2 : row.quality,
  })),
  { selector: ({ timeMs }) => timeMs, maxLength: 12 },
);
const newQuality = fc.constantFrom('good', 'uncertain', 'bad', undefined);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.constant({ remove: true as const }),
  fc
    .record({ scale: fc.constantFrom(1, 2, -1, 0.1), offset: fc.constantFrom(0, 1, -0.4), quality: newQuality })
    .map(({ quality, ...by }) => ({ value: linear(by), quality })),
  fc.record({ set: value, quality: newQuality }).map(({ set, quality }) => ({ value: () => set, quality })),
);

function applied(rows: readonly Row[], edits: readonly Edit[]): Map<number, Omit<Row, 'timeMs'>> {
  const table = new Map(rows.map(({ timeMs, ...row }) => [timeMs, row] as const));
  for (const { timeMs, after } of edits) {
    if (after) table.set(timeMs, after);
    else table.delete(timeMs);
  }
  return table;
}

function recorded(id: string, edits: readonly Edit[], reverts: string | null = null): Recorded {
  return { id, action: reverts === null ? 'span' : 'revert', reverts, edits };
}

const sorted = (table: ReadonlyMap<number, unknown>) => [...table].sort(([one], [other]) => one - other);

describe('edits', () => {
  test('taken back at once leave every reading as it was', () => {
    fc.assert(
      fc.property(rowsOf, change, (rows, by) => {
        const edits = editRows(rows, by);
        const present = applied(rows, edits);
        const back = revertEdits([recorded('one', edits)], { id: 'one', present });
        const rest = applied(
          [...present].map(([timeMs, row]) => ({ timeMs, ...row })),
          back,
        );
        expect(back).toHaveLength(edits.length);
        expect(sorted(rest)).toEqual(sorted(applied(rows, [])));
      }),
    );
  });

  test('are of those readings alone that become other ones, and never good without a number', () => {
    fc.assert(
      fc.property(rowsOf, change, (rows, by) => {
        const edits = editRows(rows, by);
        for (const { before, after } of edits) {
          expect(after).not.toEqual(before);
          if (after?.value === null) expect(after.quality).toBe(2);
        }
        const { changed, removed } = countEdits(edits);
        expect(changed + removed).toBe(edits.length);
        if (by.remove) expect(removed).toBe(rows.length);
      }),
    );
  });

  test('what has become something else since is not taken back', () => {
    const edits = editRows([{ timeMs: 1, value: 1, quality: 0 }], { value: linear({ offset: 1 }) });
    expect(
      revertEdits([recorded('one', edits)], { id: 'one', present: new Map([[1, { value: 3, quality: 0 }]]) }),
    ).toEqual([]);
    expect(
      revertEdits([recorded('one', edits)], { id: 'one', present: new Map([[1, { value: 2, quality: 1 }]]) }),
    ).toEqual([]);
    expect(revertEdits([recorded('one', edits)], { id: 'one', present: new Map() })).toEqual([]);
  });

  // A step corrects what lies in a span, or takes back one of what is there to be taken back, a taking back too.
  const step = fc.oneof(
    fc.record({ from: fc.integer({ min: 0, max: 50 }), to: fc.integer({ min: 0, max: 50 }), by: change }),
    fc.record({ back: fc.nat() }),
  );

  test('are all gone when all corrections are taken back, in whatever order, corrections and takings back between', () => {
    fc.assert(
      fc.property(rowsOf, fc.array(step, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (rows, steps, picks) => {
        const history = createHistory(rows);
        for (const one of steps) {
          if ('by' in one) history.correct(one);
          else history.takeBack(pick(history.open(), one.back));
        }
        for (const at of picks) {
          const left = history.holding();
          if (left.length === 0) break;
          history.takeBack(pick(left, at));
        }
        expect(sorted(history.present())).toEqual(sorted(applied(rows, [])));
      }),
      { numRuns: 500 },
    );
  });

  test('what lies below others is not taken for the last of them, though that has left the same', () => {
    const past = [recorded('one', [edit(10, 20)]), recorded('two', [edit(20, 30)]), recorded('three', [edit(30, 20)])];
    const present = new Map([[1, { value: 20, quality: 0 }]]);
    expect(revertEdits(past, { id: 'one', present })).toEqual([]);
    expect(revertEdits(past, { id: 'three', present })).toEqual([edit(20, 30)]);
  });

  test('a reading that came in anew ends what lay below', () => {
    const [was, came] = [
      { timeMs: 1, value: 1, quality: 0 },
      { timeMs: 1, value: 5, quality: 0 },
    ];
    const past = [
      recorded('gone', editRows([was], { remove: true })),
      recorded('more', editRows([came], { value: linear({ offset: 1 }) })),
    ];
    const present = new Map([[1, { value: 6, quality: 0 }]]);
    expect(revertEdits(past, { id: 'gone', present })).toEqual([]);
    const back = revertEdits([...past, recorded('back', [], 'gone')], { id: 'more', present });
    expect(back.map(({ after }) => after?.value)).toEqual([5]);
  });

  test('a change of the point that was changed back stands in the way of nothing, and one that was not, does', () => {
    const edits = editRows([{ timeMs: 1, value: 10, quality: 0 }], { value: linear({ scale: 2 }) });
    const there = { ...recorded('there', [edit(20, 68)]), action: 'convert' as const };
    const again = { ...recorded('again', [edit(68, 20)]), action: 'convert' as const };
    const present = (value: number) => new Map([[1, { value, quality: 0 }]]);
    expect(revertEdits([recorded('one', edits), there], { id: 'one', present: present(68) })).toEqual([]);
    const back = revertEdits([recorded('one', edits), there, again], { id: 'one', present: present(20) });
    expect(back.map(({ after }) => after?.value)).toEqual([10]);
  });

  test.each([
    [1e308, 10],
    [-1e308, 10],
  ])('%d times %d is refused', (value, scale) => {
    expect(() => editRows([{ timeMs: 0, value, quality: 0 }], { value: linear({ scale }) })).toThrow('no number');
  });
});

const edit = (before: number, after: number): Edit => ({
  timeMs: 1,
  before: { value: before, quality: 0 },
  after: { value: after, quality: 0 },
});

const pick = <T>(some: readonly T[], at: number): T | undefined => some[at % Math.max(1, some.length)];

/** A point's readings and its corrections, as the store has them. */
function createHistory(rows: readonly Row[]) {
  const past: Recorded[] = [];
  let table = applied(rows, []);
  const listed = () => [...table].map(([timeMs, row]) => ({ timeMs, ...row }));
  const record = (edits: readonly Edit[], reverts: string | null = null) => {
    past.push(recorded(`${past.length}`, edits, reverts));
    table = applied(listed(), edits);
  };
  const open = () => past.filter(({ id }) => past.every(({ reverts }) => reverts !== id));
  const isTakingBack = ({ reverts }: Recorded): boolean =>
    reverts !== null && !isTakingBack(past[Number(reverts)] as Recorded);
  return {
    present: () => table,
    correct: ({ from, to, by }: { from: number; to: number; by: Change }) =>
      record(
        editRows(
          listed().filter(({ timeMs }) => timeMs >= from && timeMs < to),
          by,
        ),
      ),
    takeBack: (one: Recorded | undefined) => {
      if (one) record(revertEdits(past, { id: one.id, present: table }), one.id);
    },
    /** What was not taken back, takings back among them. */
    open,
    /** The corrections of those. */
    holding: () => open().filter((one) => !isTakingBack(one)),
  };
}
