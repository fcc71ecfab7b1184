import { expect, test } from 'vitest';
import {
  type Action,
  actions,
  findObstacle,
  progressAfter,
  type Status,
  statuses,
  statusOf,
  unstarted,
} from './status.ts';

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

test('it was responded to when it first left open, or was completed if that was before', () => {
  const started = progressAfter(unstarted, { status: 'in_progress' }, at(3));
  expect(started.responded_at).toEqual(at(3));
  expect(progressAfter(started, { status: 'open' }, at(4)).responded_at).toEqual(at(3));
  const done = progressAfter(unstarted, { status: 'completed', completed_at: at(1) }, at(9));
  expect(done.responded_at).toEqual(at(1));
  expect(progressAfter(unstarted, {}, at(9)).responded_at).toBeNull();
});

test('the reason of a hold goes when the hold does, and belongs to nothing else', () => {
  const held = progressAfter(unstarted, { status: 'on_hold', hold_reason: 'a part is missing' }, at(1));
  expect(held.hold_reason).toBe('a part is missing');
  expect(progressAfter(held, {}, at(2)).hold_reason).toBe('a part is missing');
  expect(progressAfter(held, { status: 'in_progress' }, at(2)).hold_reason).toBe('');
  expect(() => progressAfter(held, { status: 'open', hold_reason: 'x' }, at(2))).toThrow('the status is open');
});

test('the resolution is of the end: reopened, it has none until it ends again', () => {
  const ended = progressAfter(unstarted, { status: 'cancelled', resolution: 'asked for twice' }, at(1));
  expect(progressAfter(ended, { status: 'skipped' }, at(2)).resolution).toBe('asked for twice');
  expect(progressAfter(ended, { status: 'open' }, at(2)).resolution).toBe('');
  expect(progressAfter(ended, { status: 'completed', resolution: 'done' }, at(2)).resolution).toBe('done');
});

/** By action, what it says in each state, in the order of the states: yes, or why not. */
const says: Record<Action, string> = {
  assign: 'yes yes yes ended ended ended',
  start: 'yes in_progress yes ended ended ended',
  hold: 'yes yes on_hold ended ended ended',
  complete: 'yes yes yes ended ended ended',
  cancel: 'yes yes yes ended ended ended',
  skip: 'yes yes yes ended ended ended',
  reopen: 'not_ended not_ended not_ended yes yes yes',
};
test.each(actions)('%s makes sense in some states, and says why not in the others', (action) => {
  const heard = statuses.map((status) => findObstacle(action, status)?.replace('work_order_', '') ?? 'yes');
  expect(heard.join(' ')).toBe(says[action]);
});

test('an action never leads to where the work order is', () => {
  const idle = actions.flatMap((action) =>
    statuses.filter((status) => statusOf[action] === status && findObstacle(action, status) === undefined),
  );
  expect(idle).toEqual([]);
});
