/** From samples to values of items: what each of them says, and what there is to tell of it. */
import type { FoundGap, Value } from '../connection.ts';
import { describeShape, readField, shapeOf, Unreadable } from './field-value.ts';
import { isAfterOverflow, isBeforeFirst, isOfMissingNode, type Sample } from './sample.ts';
import type { Watch, Watches } from './watches.ts';

/** What a batch of samples amounts to. */
export type Batch = {
  readonly values: Value[];
  /** Of single items: to be recorded before the values are given on. */
  readonly gaps: FoundGap[];
  /** Whose node is not there any more. */
  readonly gone: Watch[];
  /** Of which there is something else to tell than before. */
  readonly changed: Watch[];
};

/** Beyond so many gaps at once they become one of all items: a table of them would help nobody. */
const gapsMax = 50;

/** Notes on the watches what came, and answers what is to be given on. */
export function readBatch(samples: readonly Sample[], watches: Watches, publishedMs: number): Batch {
  const nowMs = Date.now();
  const batch: Batch = { values: [], gaps: [], gone: [], changed: [] };
  for (const sample of samples) {
    const watch = watches.get(sample.handle);
    // Of an item that was removed, while its last values were on their way.
    if (!watch || isBeforeFirst(sample)) continue;
    watch.lastSeenMs = nowMs;
    watch.lastStatus = sample.status;
    noteGaps(watch, sample, publishedMs, batch.gaps);
    if (isOfMissingNode(sample)) batch.gone.push(watch);
    else if (watch.lastTimeMs === null || sample.timeMs > watch.lastTimeMs) watch.lastTimeMs = sample.timeMs;
    noteShape(watch, sample, batch.changed);
    for (const item of watch.items) {
      const value = readField(sample.variant, item.field);
      noteReadable(watch, item.id, value instanceof Unreadable ? value.why : null, batch.changed);
      batch.values.push({
        itemId: item.id,
        timeMs: sample.timeMs,
        value: value instanceof Unreadable ? null : value,
        status: sample.status,
      });
    }
  }
  return batch;
}

/** Few gaps as they are, many as one for each reason. */
export function summarizeGaps(gaps: readonly FoundGap[]): FoundGap[] {
  if (gaps.length <= gapsMax) return [...gaps];
  return [...Map.groupBy(gaps, ({ reason }) => reason)].map(([reason, those]) => ({
    itemId: null,
    fromMs: those.reduce((earliest, { fromMs }) => Math.min(earliest, fromMs), Number.POSITIVE_INFINITY),
    toMs: those.reduce((latest, { toMs }) => Math.max(latest, toMs), 0),
    reason,
  }));
}

function noteGaps(watch: Watch, sample: Sample, publishedMs: number, gaps: FoundGap[]): void {
  const { missing, lastTimeMs } = watch;
  if (missing && !isOfMissingNode(sample)) {
    watch.missing = null;
    // The first value after it may be as old as the last one before it: what happened in between is unknown all the same.
    const toMs = Math.max(missing.fromMs, publishedMs);
    for (const { id } of watch.items) gaps.push({ itemId: id, fromMs: missing.fromMs, toMs, reason: missing.reason });
  }
  if (isAfterOverflow(sample) && lastTimeMs !== null && sample.timeMs >= lastTimeMs) {
    for (const { id } of watch.items)
      gaps.push({ itemId: id, fromMs: lastTimeMs, toMs: sample.timeMs, reason: 'overflow' });
  }
}

function noteShape(watch: Watch, sample: Sample, changed: Watch[]): void {
  const shape = shapeOf(sample.variant);
  if (shape === watch.shape || shape < 0) return;
  if (watch.shape >= 0) {
    watch.shapeNote = `The type of the value changed from ${describeShape(watch.shape)} to ${describeShape(shape)}.`;
  }
  watch.shape = shape;
  changed.push(watch);
}

/** Whether a field can be read is told once, and not with each value. */
function noteReadable(watch: Watch, itemId: number, why: string | null, changed: Watch[]): void {
  if (why === null) {
    if (watch.unreadable.size > 0 && watch.unreadable.delete(itemId)) changed.push(watch);
  } else if (watch.unreadable.get(itemId) !== why) {
    watch.unreadable.set(itemId, why);
    changed.push(watch);
  }
}
