import { expect, test } from 'vitest';
import type { AssetStatus } from '../asset.ts';
import { type Changed, periodsOf, sumUp } from './downtime.ts';

const hourMs = 3_600_000;
const words: Record<string, AssetStatus> = { o: 'operational', g: 'degraded', d: 'down', r: 'retired' };

/** `o2d 5o`: at 2 o'clock from operational to down, at 5 to operational. */
function changesOf(text: string): Changed[] {
  return text
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => {
      const [, from = '', hour = '', to = ''] = /^(.)(\d+)(.)$/.exec(one) ?? [];
      const [before, after] = [words[from], words[to]];
      if (!before || !after) throw new Error(one);
      return { from: before, to: after, reason: '', at: new Date(Number(hour) * hourMs) };
    });
}

test.each([
  ['', 'o', 0, 10, '10/0/0/0', 0, 1, 'without a change it was always as it is'],
  ['o2d d5o', 'o', 0, 10, '7/0/3/0', 1, 0.7, 'down for three hours of ten'],
  ['o2d d5o', 'o', 3, 4, '0/0/1/0', 1, 0, 'down from the start'],
  ['o2d d5o', 'o', 5, 6, '1/0/0/0', 0, 1, 'a change at the start counts'],
  ['o2d d5o', 'o', 1, 2, '1/0/0/0', 0, 1, 'a change at the end does not'],
  ['o2d', 'd', 0, 1, '1/0/0/0', 0, 1, 'before the first change it was what that began from'],
  ['o2d d3g g4d', 'd', 0, 10, '2/1/7/0', 2, 0.3, 'down twice'],
  ['o2d d4r', 'r', 0, 10, '2/0/2/6', 1, 0.5, 'what is retired is not counted'],
  ['o1r', 'r', 2, 4, '0/0/0/2', 0, null, 'nor is there a share of nothing'],
] as const)(
  '%s (now %s) from %d to %d is %s, down %d times, available %s: %s',
  (text, now, from, to, sums, times, share, _why) => {
    const span = { startMs: from * hourMs, endMs: to * hourMs };
    const periods = periodsOf(changesOf(text), words[now] ?? 'down', span);
    const { minutes, times_down, availability } = sumUp(periods);
    const { operational, degraded, down, retired } = minutes;
    const hours = [operational, degraded, down, retired].map((one) => one / 60).join('/');
    expect([hours, times_down, availability]).toEqual([sums, times, share === null ? null : expect.closeTo(share)]);
    expect(periods.at(0)?.fromMs).toBe(span.startMs);
    expect(periods.at(-1)?.toMs).toBe(span.endMs);
  },
);
