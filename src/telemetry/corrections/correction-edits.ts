/** What a correction makes of readings; pure, so that a dry run and the correction itself are the same. */

import { codeOf, type Quality, qualityOf } from '../../assets/quality.ts';
import { convert } from '../../assets/units.ts';
import { formatInstant } from '../../platform/instant.ts';
import { refusals } from '../../platform/refusals.ts';
import type { CorrectedReading, CorrectionAction } from './correction.ts';

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

const bad = codeOf('bad');

/** `scale * value + offset`; what is no number stays none. */
export function linear({ scale = 1, offset = 0 }: { scale?: number | undefined; offset?: number | undefined }) {
  return (value: number | null) => (value === null ? null : value * scale + offset);
}

/** A value in another unit, rounded as everywhere (see units.ts). */
export function converted({ scale, offset, steps }: { scale: number; offset: number; steps: number }) {
  return (value: number | null) => (value === null ? null : convert(value, scale, offset, steps));
}

/** A correction on record, with its edits of the readings that are asked about. */
export type Recorded = {
  readonly id: string;
  readonly action: CorrectionAction;
  readonly reverts: string | null;
  readonly edits: readonly Edit[];
};

/** What one correction made of a reading, and what comes back once it is taken back. */
type Layer = { readonly id: string; readonly action: CorrectionAction; restores: Edit['before']; after: Edit['after'] };

/**
 * What takes a correction back, of all those of a point in their order. Corrections of a reading lie on one another:
 *
 *   10 ─[x2]─▶ 20 ─[set 7]─▶ 7      [x2] taken back: it stays 7, and [set 7] restores 10
 *
 * What lies below another leaves to that one what it would restore; what lies on top gives it back, where the reading still
 * is what it left. So when all of them are taken back, in whatever order, the reading is what it was before them.
 */
export function revertEdits(
  past: readonly Recorded[],
  { id, present }: { readonly id: string; readonly present: ReadonlyMap<number, Omit<Row, 'timeMs'>> },
): Edit[] {
  const known = new Map(past.map((one) => [one.id, one]));
  const wanted = known.get(id);
  if (!wanted) return [];
  const layers = isTakingBack(wanted, known) ? undefined : layersOf(past, known);
  return wanted.edits.flatMap(({ timeMs, before, after }) => {
    const now = present.get(timeMs) ?? null;
    const top = layers ? layers.get(timeMs)?.at(-1) : { id, restores: before };
    if (top?.id !== id || !isSame(now, after) || isSame(now, top.restores)) return [];
    return [{ timeMs, before: now, after: top.restores }];
  });
}

/** Whether it took a correction back; one that took back such a one has made the first correction again. */
function isTakingBack({ reverts }: Recorded, known: ReadonlyMap<string, Recorded>): boolean {
  const target = reverts === null ? undefined : known.get(reverts);
  return target !== undefined && !isTakingBack(target, known);
}

/** The corrections that hold, on each reading, the newest last. */
function layersOf(past: readonly Recorded[], known: ReadonlyMap<string, Recorded>): Map<number, Layer[]> {
  const layers = new Map<number, Layer[]>();
  for (const one of past) {
    const isBack = isTakingBack(one, known);
    const { id, edits } = (isBack && known.get(one.reverts ?? '')) || one;
    for (const edit of edits) {
      const stack = layers.get(edit.timeMs) ?? [];
      layers.set(edit.timeMs, isBack ? without(stack, id) : upon(stack, { id, action: one.action, ...edit }));
    }
  }
  return layers;
}

function without(stack: readonly Layer[], id: string): Layer[] {
  const at = stack.findIndex((layer) => layer.id === id);
  if (at < 0) return [...stack];
  const { restores } = stack[at] as Layer;
  return stack.flatMap((layer, i) => (i === at ? [] : i === at + 1 ? [{ ...layer, restores }] : [layer]));
}

function upon(stack: readonly Layer[], { id, action, before, after }: Edit & Pick<Layer, 'id' | 'action'>): Layer[] {
  const top = stack.at(-1);
  // Not a correction but a reading that came in has made it what it was: what lies below has ended.
  if (top && !isSame(top.after, before)) return [{ id, action, restores: before, after }];
  // The point was changed and changed back: it never happened.
  if (top?.action === 'convert' && action === 'convert' && isSame(top.restores, after)) return stack.slice(0, -1);
  return [...stack, { id, action, restores: before, after }];
}

function isSame(one: Edit['before'], other: Edit['before']): boolean {
  return one?.value === other?.value && one?.quality === other?.quality;
}

/** An edit as it is shown. */
export function showEdit({ timeMs, before, after }: Edit): CorrectedReading {
  const side = (row: Edit['before']) => row && { value: row.value, quality: qualityOf(row.quality) };
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
