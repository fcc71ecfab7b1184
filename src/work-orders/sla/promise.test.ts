import { describe, expect, test } from 'vitest';
import { statusAt, type Terms, termsOf } from './promise.ts';
import { promisesOf } from './sla-policy.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 2, 2, 9, minute));
const minuteOf = (instant: Date | null) => (instant === null ? null : (instant.getTime() - at(0).getTime()) / 60_000);

const promises = promisesOf({
  targets: [
    { priority: 'critical', response_minutes: 10, resolution_minutes: 100, hours: '24x7' },
    { priority: 'high', response_minutes: null, resolution_minutes: 60, hours: 'business' },
  ],
});

describe('what is promised', () => {
  test('by priority: the two deadlines, and when four fifths of the time have passed', () => {
    const terms = termsOf(promises, { priority: 'critical', createdAt: at(0), timeZone: 'UTC' });
    expect(Object.values(terms).map(minuteOf)).toEqual([8, 10, 80, 100]);
  });

  test('in business hours on the clock of the site, and only what the policy names', () => {
    const terms = termsOf(promises, { priority: 'high', createdAt: new Date('2026-03-02T17:30:00Z'), timeZone: 'UTC' });
    expect(terms).toMatchObject({ sla_response_due_at: null, sla_due_at: new Date('2026-03-03T08:30:00Z') });
    expect(termsOf(promises, { priority: 'low', createdAt: at(0), timeZone: 'UTC' })).toEqual(nothing);
  });
});

const nothing: Terms = {
  sla_response_risk_at: null,
  sla_response_due_at: null,
  sla_risk_at: null,
  sla_due_at: null,
};
const both = termsOf(promises, { priority: 'critical', createdAt: at(0), timeZone: 'UTC' });

describe('how promises stand', () => {
  test.each([
    ['- -', 0, 'ok 8', 'nothing has happened'],
    ['- -', 7, 'ok 8', 'a minute before it is at risk'],
    ['- -', 8, 'at_risk 10', 'nobody has begun'],
    ['- -', 10, 'breached -', 'nobody has begun in time'],
    ['9 -', 9, 'ok 80', 'somebody began while it was at risk'],
    ['10 -', 10, 'ok 80', 'in the very last moment'],
    ['11 -', 11, 'breached -', 'too late is too late for ever'],
    ['9 -', 80, 'at_risk 100', 'the end is near'],
    ['9 -', 100, 'breached -', 'not done in time'],
    ['9 100', 500, 'ok -', 'done in the very last moment, looked at much later'],
    ['9 101', 101, 'breached -', 'done too late'],
    ['- 9', 500, 'ok -', 'done at once is begun, too'],
    ['- 11', 11, 'breached -', 'ended without anybody having begun in time'],
  ])('begun and ended at %s, at minute %i: %s: %s', (kept, minute, expected) => {
    const [responded_at = null, endedAt = null] = kept.split(' ').map((one) => (one === '-' ? null : at(Number(one))));
    const { status, nextAt } = statusAt(both, { responded_at, endedAt }, at(minute));
    expect(`${status} ${minuteOf(nextAt) ?? '-'}`).toBe(expected);
  });

  test('nothing promised is no state at all', () => {
    expect(statusAt(nothing, { responded_at: null, endedAt: null }, at(0))).toEqual({ status: null, nextAt: null });
  });

  test('whoever looks each time that the clock changes it sees every state that somebody sees who looks each minute', () => {
    const kept = { responded_at: at(9), endedAt: null };
    const each = Array.from(
      { length: 120 },
      (_, minute) => statusAt(both, minute < 9 ? { ...kept, responded_at: null } : kept, at(minute)).status,
    );
    const called: (string | null)[] = [];
    for (let next: Date | null = at(0); next !== null; ) {
      const looked = statusAt(both, next < at(9) ? { ...kept, responded_at: null } : kept, next);
      called.push(looked.status);
      // Somebody begins at minute 9, which is looked at as well.
      next = looked.nextAt !== null && next < at(9) && looked.nextAt > at(9) ? at(9) : looked.nextAt;
    }
    expect(called).toEqual(each.filter((status, minute) => status !== each[minute - 1]));
  });
});
