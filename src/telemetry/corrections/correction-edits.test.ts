import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Change, countEdits, editRows, linear, type Row, revertEdits } from './correction-edits.ts';

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

function applied(rows: readonly Row[], edits: ReturnType<typeof editRows>): Map<number, Omit<Row, 'timeMs'>> {
  const table = new Map(rows.map(({ timeMs, ...row }) => [timeMs, row] as const));
  for (const { timeMs, after } of edits) {
    if (after) table.set(timeMs, after);
    else table.delete(timeMs);
  }
  return table;
}

const sorted = (table: ReadonlyMap<number, unknown>) => [...table].sort(([one], [other]) => one - other);

describe('edits', () => {
  test('taken back at once leave every reading as it was', () => {
    fc.assert(
      fc.property(rowsOf, change, (rows, by) => {
        const edits = editRows(rows, by);
        const present = applied(rows, edits);
        const back = revertEdits(edits, present);
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
    expect(revertEdits(edits, new Map([[1, { value: 3, quality: 0 }]]))).toEqual([]);
    expect(revertEdits(edits, new Map([[1, { value: 2, quality: 1 }]]))).toEqual([]);
    expect(revertEdits(edits, new Map())).toEqual([]);
  });

  test.each([
    [1e308, 10],
    [-1e308, 10],
  ])('%d times %d is refused', (value, scale) => {
    expect(() => editRows([{ timeMs: 0, value, quality: 0 }], { value: linear({ scale }) })).toThrow('no number');
  });
});
