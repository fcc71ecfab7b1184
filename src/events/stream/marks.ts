import type { Look } from './stream-store.ts';

/** Remembers when transaction numbers were given out, so that of an old one it can be said since when it may have written. */
export type Marks = {
  /** Adds what a look has seen, and returns an instant (ms since 1970) before which no number from its xmin on was given out. */
  begunAt(look: Look): number;
};

/** A transaction of readings that is open for longer says afterwards what it has written. */
const backMsMax = 600_000;
const apartMs = 1_000;
/** The clock is read a little after the snapshot was taken. */
const slackMs = 1_000;

/** Knows nothing yet, and supposes the worst. */
export function createMarks(): Marks {
  const marks: { readonly xmax: number; readonly atMs: number }[] = [];
  return {
    begunAt: ({ snapshot: { xmin, xmax }, atMs }) => {
      if (atMs - (marks.at(-1)?.atMs ?? 0) > apartMs) marks.push({ xmax, atMs });
      while ((marks[0]?.atMs ?? atMs) < atMs - backMsMax) marks.shift();
      const mark = xmin === xmax ? { atMs } : marks.findLast((one) => one.xmax <= xmin);
      return (mark?.atMs ?? atMs - backMsMax) - slackMs;
    },
  };
}
