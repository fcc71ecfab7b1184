/**
 * A server sends what changes (OPC 10000-4, 5.13.1.2): as long as it speaks and says nothing of an item, its last value holds. Rules
 * and charts take a point that says nothing for a quarter of an hour as unknown, so the value is given again now and then:
 *
 *   value ─▶ 5 minutes without another, and the server has told all until now ─▶ the same value, as of now
 *
 * While the server says nothing at all, nothing is given again.
 */
import type { ItemReport, Value } from './connection.ts';

export type Still = {
  /** The values, and those that hold still: as of `throughMs`, until when the server has told all that there was to tell. */
  with(values: readonly Value[], throughMs: number): readonly Value[];
  /** What is not read any more, or has failed, holds no more. */
  note(reports: readonly Pick<ItemReport, 'itemId' | 'state'>[]): void;
  /** The items that there are from now on. */
  keep(itemIds: ReadonlySet<number>): void;
};

export const stillMsUsual = 300_000;

/** Gives a value again when it is as old as `everyMs`, by the server's clock. */
export function createStill(everyMs = stillMsUsual): Still {
  const last = new Map<number, Value>();
  let lookAtMs = 0;
  return {
    with: (values, throughMs) => {
      for (const value of values) {
        const known = last.get(value.itemId);
        if (!known || value.timeMs >= known.timeMs) last.set(value.itemId, value);
      }
      if (throughMs < lookAtMs) return values;
      lookAtMs = throughMs + everyMs / 10;
      const again = [...last.values()].filter(({ timeMs }) => timeMs <= throughMs - everyMs);
      if (again.length === 0) return values;
      const held = again.map((value) => ({ ...value, timeMs: throughMs }));
      for (const value of held) last.set(value.itemId, value);
      return [...values, ...held];
    },
    note: (reports) => {
      for (const { itemId, state } of reports) if (state !== 'monitored' && state !== 'polled') last.delete(itemId);
    },
    keep: (itemIds) => {
      for (const itemId of [...last.keys()]) if (!itemIds.has(itemId)) last.delete(itemId);
    },
  };
}
