import { expect, test } from 'vitest';
import type { Presence, PresenceReason } from './presence.ts';
import { createPresenceBook } from './presence-book.ts';

const device = { id: 'd', tenantId: 't', username: 'u', grants: [], subscribeGrants: [] };
const start = (more: Partial<Presence> = {}): Presence => ({
  device,
  clientId: 'c',
  isOnline: true,
  reason: 'connected',
  at: 1,
  ...more,
});
const end = (reason: PresenceReason = 'disconnected'): Presence => start({ isOnline: false, reason });

/** What a book says of the device: sessions, and for each event whether it starts (+) or ends (-), an edge in capitals. */
function told(notes: readonly Presence[]): string {
  const book = createPresenceBook();
  for (const note of notes) book.note(note);
  const [taken] = book.take(10);
  const signs = taken?.events.map(({ isStart, isEdge }) => (isStart ? (isEdge ? 'ON' : '+') : isEdge ? 'OFF' : '-'));
  return `${taken?.sessions}: ${signs?.join(' ')}`;
}

test.each([
  [[start()], '1: ON', 'the first session begins'],
  [[start(), end()], '0: ON OFF', 'and ends'],
  [[start(), start()], '2: ON +', 'a second session beside it'],
  [[start(), start(), end()], '1: ON + -', 'of two, one ends'],
  [[start(), start(), end(), end()], '0: ON + - OFF', 'of two, both end'],
  [[start(), start(), end('taken_over')], '1: ON + -', 'one that was taken over ends after the other began'],
  [[start(), end('taken_over'), start()], '1: ON - +', 'or before it'],
  [[start(), end('taken_over'), start(), end()], '0: ON - + OFF', 'and then the other ends'],
  [[end()], '0: OFF', 'an end without a start counts nothing'],
])('%#. %s', (notes, expected) => expect(told(notes)).toBe(expected));

test('what is given back is taken again, before what came since', () => {
  const book = createPresenceBook();
  book.note(start({ at: 1 }));
  const taken = book.take(10);
  expect(book.hasChanges()).toBe(false);
  book.note(start({ at: 2 }));
  book.giveBack(taken);
  const [again] = book.take(10);
  expect([again?.sessions, again?.events.map(({ at }) => at)]).toEqual([2, [1, 2]]);
});

test('no device is forgotten when it is given back offline and has come back since', () => {
  const book = createPresenceBook();
  book.note(start());
  book.note(end());
  const taken = book.take(10);
  book.note(start());
  book.giveBack(taken);
  expect(book.take(10)).toMatchObject([{ sessions: 1, events: { length: 3 } }]);
});

test('a device that flaps while nothing can be written takes bounded room, and its sessions are counted right', () => {
  const book = createPresenceBook();
  for (let i = 0; i < 10_000; i++) {
    book.note(start());
    book.note(end());
  }
  book.note(start());
  expect(book.takeLost()).toBe(20_001 - 1_000);
  expect(book.takeLost()).toBe(0);
  const [taken] = book.take(10);
  expect([taken?.sessions, taken?.events.length]).toEqual([1, 1_000]);
});

test('of many devices at most twenty thousand events are kept, and each one is still written', () => {
  const book = createPresenceBook();
  for (let i = 0; i < 21_000; i++) book.note(start({ device: { ...device, id: `d${i}` } }));
  expect(book.takeLost()).toBe(1_000);
  const taken = book.take(30_000);
  expect(taken.length).toBe(21_000);
  expect(taken.every(({ sessions }) => sessions === 1)).toBe(true);
});

test('after all were marked, every device with a session is written again', () => {
  const book = createPresenceBook();
  book.note(start());
  book.take(10);
  book.markAll();
  expect(book.take(10)).toMatchObject([{ deviceId: 'd', sessions: 1, events: [] }]);
});
