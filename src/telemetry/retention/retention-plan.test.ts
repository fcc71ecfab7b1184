import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Piece } from '../storage/piece-store.ts';
import { everySeries } from './horizon.ts';
import type { Keep } from './retention.ts';
import { type Group, type Hold, type Planning, planTable, type TablePlan } from './retention-plan.ts';

const dayMs = 86_400_000;
const nowMs = Date.parse('2026-11-21T10:00:00Z');
const today = Math.floor(nowMs / dayMs);
const at = (daysAgo: number) => (today - daysAgo) * dayMs;

const piece = (fromDaysAgo: number, toDaysAgo = fromDaysAgo - 1, madeDaysAgo = Number.POSITIVE_INFINITY): Piece => ({
  table: 'reading',
  name: `reading_${fromDaysAgo}`,
  fromMs: at(fromDaysAgo),
  toMs: at(toDaysAgo),
  madeMs: at(madeDaysAgo),
  bytes: 8_192,
  rows: null,
  state: 'plain',
});
const keep = (days: number): Keep => ({ reading: days, rollup_1m: days, rollup_15m: days, rollup_1h: days });
const group = (days: number, ...seriesIds: number[]): Group & { keep: Keep } => ({
  ...{ tenantId: 'T', siteId: 'A', site: 'a', class: null },
  seriesIds,
  keep: keep(days),
});

const planning = (given: Partial<Planning>): Planning => ({
  table: 'reading',
  pieces: [],
  groups: [],
  installation: keep(400),
  holds: [],
  horizons: new Map(),
  heldSince: new Map(),
  nowMs,
  settledMs: nowMs,
  ...given,
});

const show = ({ drops, deletions }: TablePlan) => ({
  drops: drops.map(({ name }) => name),
  deletions: deletions.map(
    (one) => `${one.piece.name} of ${one.seriesIds} before ${today - one.beforeMs / dayMs} days ago`,
  ),
});
const hold = (seriesId: number, daysAgo: number): Hold => ({
  seriesId,
  fromMs: at(daysAgo) + 7_200_000,
  throughMs: at(daysAgo - 1),
  insightId: 'I',
});

const pieces = [piece(12), piece(11), piece(10), piece(9)];

test.each<[string, Partial<Planning>, ReturnType<typeof show>]>([
  [
    'days that all are done with are dropped',
    { groups: [group(10, 1, 2)] },
    { drops: ['reading_12', 'reading_11'], deletions: [] },
  ],
  [
    'nothing that is not rolled up goes',
    { groups: [group(10, 1)], settledMs: at(11) + 1 },
    { drops: ['reading_12'], deletions: [] },
  ],
  [
    'nor anything where nothing is',
    { groups: [group(10, 1)], settledMs: Number.NEGATIVE_INFINITY },
    { drops: [], deletions: [] },
  ],
  ['without points the settings count', { installation: keep(11) }, { drops: ['reading_12'], deletions: [] }],
  [
    'points that are kept for less lose their rows',
    { groups: [group(11, 1), group(10, 2)] },
    { drops: ['reading_12'], deletions: ['reading_11 of 2 before 10 days ago'] },
  ],
  [
    'which they do once',
    { groups: [group(11, 1), group(9, 2)], horizons: new Map([[2, at(10)]]) },
    { drops: ['reading_12'], deletions: ['reading_10 of 2 before 9 days ago'] },
  ],
  [
    'an open insight holds its series, from the midnight before, and nobody else',
    { groups: [group(10, 1, 2)], holds: [hold(1, 11)] },
    { drops: ['reading_12'], deletions: ['reading_11 of 2 before 10 days ago'] },
  ],
  [
    'a hold of what is young changes nothing',
    { groups: [group(10, 1, 2)], holds: [hold(1, 2)] },
    { drops: ['reading_12', 'reading_11'], deletions: [] },
  ],
  [
    'roll-ups are held by no insight',
    { table: 'rollup_1m', groups: [group(10, 1)], holds: [hold(1, 12)] },
    { drops: ['reading_12', 'reading_11'], deletions: [] },
  ],
  [
    'of a wide piece the rows of shorter-lived points go by the day',
    { pieces: [piece(40, 10)], groups: [group(30, 1), group(20, 2)] },
    { drops: [], deletions: ['reading_40 of 2 before 20 days ago'] },
  ],
  [
    'what was stored too recently stays, and holds back what is later',
    { pieces: [piece(13), piece(12, 11, 9), piece(11)], groups: [group(10, 1)] },
    { drops: ['reading_13'], deletions: [] },
  ],
  [
    'and goes with that once it is due',
    { pieces: [piece(13), piece(12, 11, 10), piece(11)], groups: [group(10, 1)] },
    { drops: ['reading_13', 'reading_12', 'reading_11'], deletions: [] },
  ],
  [
    'what is due waits for it',
    {
      pieces: [piece(13, 12, 1), piece(12), piece(11)],
      groups: [group(10, 1)],
      heldSince: new Map([[10, at(9)]]),
    },
    { drops: [], deletions: [] },
  ],
  [
    'and no longer than it was kept',
    {
      pieces: [piece(13, 12, 1), piece(12), piece(11)],
      groups: [group(10, 1)],
      heldSince: new Map([[10, at(10)]]),
    },
    { drops: ['reading_13', 'reading_12', 'reading_11'], deletions: [] },
  ],
  [
    'a young piece that nobody waits for stays its whole time',
    { pieces: [piece(13, 12, 1)], groups: [group(10, 1)], heldSince: new Map([[10, at(10)]]) },
    { drops: [], deletions: [] },
  ],
  [
    'points that are kept for less do not wait for it as long',
    { pieces: [piece(12, 11, 9), piece(11)], groups: [group(10, 1), group(8, 2)] },
    { drops: [], deletions: ['reading_12 of 2 before 11 days ago', 'reading_11 of 2 before 10 days ago'] },
  ],
  [
    'nor do those that had lost their readings of its time before',
    { pieces: [piece(12, 11, 1), piece(11)], groups: [group(10, 1), group(8, 2)], horizons: new Map([[2, at(11)]]) },
    { drops: [], deletions: ['reading_11 of 2 before 10 days ago'] },
  ],
  [
    'a piece of which everybody had lost the readings goes whenever it was made',
    { pieces: [piece(12, 11, 0), piece(11)], groups: [group(10, 1)], horizons: new Map([[everySeries, at(11)]]) },
    { drops: ['reading_12', 'reading_11'], deletions: [] },
  ],
  [
    'a recent piece that is young keeps nobody from going',
    { pieces: [piece(12), piece(11), piece(10, 9, 0)], groups: [group(10, 1)] },
    { drops: ['reading_12', 'reading_11'], deletions: [] },
  ],
])('%s', (_what, given, expected) => {
  expect(show(planTable(planning({ pieces, ...given })))).toEqual(expected);
});

test('a plan says which insights hold back what would go', () => {
  const plan = planTable(planning({ pieces, groups: [group(10, 1, 2)], holds: [hold(1, 11), hold(2, 3)] }));
  expect(plan.holding.map(({ seriesId }) => seriesId)).toEqual([1]);
});

test('a plan says what waits for which piece, and until when', () => {
  const imported = { ...piece(90, 60, 3), madeMs: at(3) + 7_200_000 };
  const plan = planTable(planning({ pieces: [imported, ...pieces], groups: [group(10, 1), group(400, 2)] }));
  const wait = { fromMs: at(90), beforeMs: at(10), madeMs: at(3) + 7_200_000, untilMs: at(2 - 10) };
  expect([plan.findWait(1), plan.findWait(2)]).toEqual([wait, undefined]);
  const goesAt = (daysLater: number) =>
    planTable(planning({ pieces: [imported], groups: [group(10, 1)], nowMs: at(-daysLater) })).drops.length;
  expect([goesAt(7), goesAt(8)]).toEqual([0, 1]);
});

test('whatever is held, made and kept how long: nothing goes that must stay, and all goes that may, but for the piece at the edge', () => {
  const series = [1, 2, 3, 4];
  const anyDays = fc.constantFrom(8, 9, 10, 20, Number.POSITIVE_INFINITY);
  const given = fc.record({
    days: fc.array(anyDays, { minLength: 4, maxLength: 4 }),
    holds: fc.array(fc.record({ seriesId: fc.constantFrom(...series), daysAgo: fc.integer({ min: 1, max: 30 }) }), {
      maxLength: 3,
    }),
    horizons: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 4, maxLength: 4 }),
    settledDaysAgo: fc.constantFrom(0, 9, 10, 25),
    width: fc.constantFrom(1, 3),
    madeDaysAgo: fc.array(fc.constantFrom(0, 8, 9, 10, 20, 40), { minLength: 30, maxLength: 30 }),
  });
  fc.assert(
    fc.property(given, ({ days, holds, horizons, settledDaysAgo, width, madeDaysAgo }) => {
      const all = Array.from({ length: 30 }, (_, i) =>
        piece(31 - i * width, 31 - (i + 1) * width, madeDaysAgo[i]),
      ).filter(({ toMs }) => toMs <= nowMs);
      const mayGo = (id: number, day: number) =>
        day >= (days[id - 1] as number) + 1 &&
        day > settledDaysAgo &&
        !all.some(
          ({ fromMs, toMs, madeMs }) =>
            fromMs <= at(day) &&
            toMs > at(horizons[id - 1] as number) &&
            fromMs < at(days[id - 1] as number) &&
            madeMs > at(days[id - 1] as number),
        ) &&
        holds.every(({ seriesId, daysAgo }) => seriesId !== id || day > daysAgo);
      const plan = planTable(
        planning({
          pieces: all,
          groups: series.map((id) => group(days[id - 1] as number, id)),
          holds: holds.map(({ seriesId, daysAgo }) => hold(seriesId, daysAgo)),
          horizons: new Map(series.map((id) => [id, at(horizons[id - 1] as number)])),
          settledMs: at(settledDaysAgo) + 1,
        }),
      );
      expect(plan.deletions.every(({ beforeMs }) => beforeMs % dayMs === 0)).toBe(true);
      const firstDay = (id: number) => [...Array(40).keys()].find((day) => mayGo(id, day)) ?? 40;
      const least = Math.max(...series.map(firstDay));
      for (const id of series) {
        for (let day = 1; day <= 31; day++) {
          const [from, to] = [at(day), at(day - 1)];
          const isDropped = plan.drops.some(({ fromMs, toMs }) => fromMs <= from && to <= toMs);
          const isDeleted = plan.deletions.some(
            ({ seriesIds, fromMs, beforeMs }) => seriesIds.includes(id) && fromMs <= from && to <= beforeMs,
          );
          if (isDropped || isDeleted) expect(mayGo(id, day)).toBe(true);
          const isGone = day > (horizons[id - 1] as number);
          const isAtEdge = firstDay(id) === least && day < least + width;
          if (mayGo(id, day) && !isGone && !isAtEdge) expect(isDropped || isDeleted).toBe(true);
        }
      }
    }),
  );
});
