/** What a correction makes of readings; pure, so that a dry run and the correction itself are the same. */
import { convert } from '../../assets/units.ts';
import { formatInstant } from '../../platform/instant.ts';
import { refusals } from '../../platform/refusals.ts';
import { type Quality, qualities } from '../reading.ts';
import type { CorrectedReading } from './correction.ts';

/** A reading of one point as the table has it: null is no number, and a quality is its stored code. */
export type Row = { readonly timeMs: number; readonly value: number | null; readonly quality: number };

/** A reading before and after; null where there is none. */
export type Edit = {
  readonly timeMs: number;
  readonly before: Omit<Row, 'timeMs'> | null;
  readonly after: Omit<Row, 'timeMs'> | null;
};

/** What happens to a reading: it goes, or it gets another value, another quality, or both. */
export type Change =
  | { readonly remove: true }
  | {
      readonly remove?: false | undefined;
      readonly value: (before: number | null) => number | null;
      readonly quality?: Quality | undefined;
    };

/** The edits that a change makes of rows; those that it leaves as they are have none. Throws validation_failed beyond all numbers. */
export function editRows(rows: readonly Row[], change: Change): Edit[] {
  return rows.flatMap(({ timeMs, ...before }) => editOf({ timeMs, before, change }));
}

type Editing = { readonly timeMs: number; readonly before: Omit<Row, 'timeMs'>; readonly change: Change };

/** The edit of one reading; none where it stays as it is. */
export function editOf({ timeMs, before, change }: Editing): Edit[] {
  if (change.remove) return [{ timeMs, before, after: null }];
  const value = change.value(before.value);
  if (value !== null && !Number.isFinite(value)) {
    const at = new Date(timeMs).toISOString();
    throw refusals.invalidBody('', 'out_of_range', `makes of ${before.value} at ${at} what is no number any more`);
  }
  // What is no number is never good.
  const quality = value === null ? bad : change.quality === undefined ? before.quality : codeOf(change.quality);
  if (value === before.value && quality === before.quality) return [];
  return [{ timeMs, before, after: { value, quality } }];
}

const bad = qualities.indexOf('bad');

/** The code by which the table keeps a quality. */
function codeOf(quality: Quality): number {
  return qualities.indexOf(quality);
}

/** `scale * value + offset`; what is no number stays none. */
export function linear({ scale = 1, offset = 0 }: { scale?: number | undefined; offset?: number | undefined }) {
  return (value: number | null) => (value === null ? null : value * scale + offset);
}

/** A value in another unit, rounded as everywhere (see units.ts). */
export function converted({ scale, offset, steps }: { scale: number; offset: number; steps: number }) {
  return (value: number | null) => (value === null ? null : convert(value, scale, offset, steps));
}

/** What takes edits back of rows as they are now: only where they still are what the edits left. */
export function revertEdits(edits: readonly Edit[], present: ReadonlyMap<number, Omit<Row, 'timeMs'>>): Edit[] {
  return edits.flatMap(({ timeMs, before, after }) => {
    const now = present.get(timeMs) ?? null;
    return isSame(now, after) ? [{ timeMs, before: now, after: before }] : [];
  });
}

function isSame(one: Edit['before'], other: Edit['before']): boolean {
  return one?.value === other?.value && one?.quality === other?.quality;
}

/** An edit as it is shown. */
export function showEdit({ timeMs, before, after }: Edit): CorrectedReading {
  const side = (row: Edit['before']) => row && { value: row.value, quality: qualities[row.quality] ?? 'bad' };
  return {
    time: formatInstant(new Date(timeMs)),
    before: side(before),
    after: side(after),
  };
}

/** How many readings are changed, and how many are gone. */
export function countEdits(edits: readonly Edit[]): { changed: number; removed: number } {
  const removed = edits.filter(({ after }) => after === null).length;
  return { changed: edits.length - removed, removed };
}
