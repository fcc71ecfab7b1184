import { expect, test } from 'vitest';
import { progressAfter, type Status, statuses, unstarted } from './status.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));

/** Goes through states a minute apart; the minutes at which it was started and completed, or `-`. */
function walk(path: string): string {
  const steps = path.split(' ') as Status[];
  const end = steps.reduce((before, status, minute) => progressAfter(before, { status }, at(minute)), unstarted);
  const minuteOf = (instant: Date | null) => (instant === null ? '-' : String(instant.getUTCMinutes()));
  return `${minuteOf(end.started_at)} ${minuteOf(end.completed_at)}`;
}

test.each([
  ['open', '- -', 'nothing has happened'],
  ['in_progress', '0 -', 'started when first in progress'],
  ['open in_progress on_hold in_progress', '1 -', 'and not again after a hold'],
  ['open completed', '- 1', 'completed from open directly'],
  ['in_progress completed', '0 1', 'completed after work'],
  ['in_progress completed completed', '0 1', 'completed twice is completed the first time'],
  ['in_progress completed open', '0 -', 'reopened: no longer completed, still started then'],
  ['in_progress completed open completed', '0 3', 'and completed again later'],
  ['in_progress skipped', '0 -', 'skipped is not completed'],
  ['completed cancelled', '- -', 'nor is cancelled'],
])('%s → started and completed at %s: %s', (path, expected) => expect(walk(path)).toBe(expected));

test('a client may say when the work was completed, also afterwards', () => {
  const completed = progressAfter(unstarted, { status: 'completed', completed_at: at(30) }, at(1));
  expect(completed.completed_at).toEqual(at(30));
  expect(progressAfter(completed, { completed_at: at(20) }, at(2)).completed_at).toEqual(at(20));
});

test.each(statuses.filter((status) => status !== 'completed'))('completed_at together with %s is refused', (status) => {
  expect(() => progressAfter(unstarted, { status, completed_at: at(1) }, at(1))).toThrow(`the status is ${status}`);
  expect(progressAfter(unstarted, { status, completed_at: null }, at(1)).completed_at).toBeNull();
});

test('what stays completed keeps its completed_at', () => {
  const completed = progressAfter(unstarted, { status: 'completed' }, at(1));
  expect(() => progressAfter(completed, { completed_at: null }, at(2))).toThrow('reopen it instead');
});
