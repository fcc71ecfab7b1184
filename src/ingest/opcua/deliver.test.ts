import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Message, Outcome } from '../intake/message.ts';
import type { FoundGap, Value } from './connection.ts';
import { createOpcuaCounters } from './counters.ts';
import { createDeliver } from './deliver.ts';
import { decodeValues } from './values.ts';

const device = { id: 'd', tenantId: 't', username: 'plc', grants: [], subscribeGrants: [] };
const committed: Outcome = { isCommitted: true };
const spooled: Outcome = { isCommitted: false, isSpooled: true };
const dropped: Outcome = { isCommitted: false };

/** A delivery whose messages wait to be settled, with what it says. */
function setUp(throughMs: number | null = null) {
  const offered: Message[] = [];
  const said: string[] = [];
  const recording: PromiseWithResolvers<void>[] = [];
  const deliver = createDeliver({
    intake: { offer: (message) => void offered.push(message) },
    counters: createOpcuaCounters(new Registry()),
    connectionId: 'c',
    device,
    throughMs,
    onCommitted: (ms, lastMs) => said.push(`through ${ms}, last ${lastMs}`),
    recordGap: ({ fromMs, toMs, reason }: FoundGap) => {
      said.push(`${reason} ${fromMs} to ${toMs}`);
      const one = Promise.withResolvers<void>();
      recording.push(one);
      return one.promise;
    },
  });
  /** Messages from the first on are settled so. */
  const settle = (...outcomes: Outcome[]) => {
    for (const outcome of outcomes) {
      const message = offered.shift() as Message;
      message.origin.settle(message, outcome);
    }
  };
  return { deliver, offered, said, settle, recorded: () => recording.shift()?.resolve() };
}

const values = (...timesMs: number[]): Value[] =>
  timesMs.map((timeMs) => ({ itemId: 1, timeMs, value: timeMs, status: 0 }));
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a batch is through when all of its messages are committed or on the disk, in the order of batches', async () => {
  const { deliver, offered, said, settle } = setUp();
  const first = deliver.live([...values(1, 2), { itemId: 2, timeMs: 3, value: 'on', status: 0 }], 100);
  const second = deliver.live(values(4), 200);
  expect(offered.map(({ topic, isSpoolable }) => [topic, isSpoolable])).toEqual(Array(3).fill(['opcua/c', true]));
  settle(committed);
  expect(said).toEqual([]);
  const [text, last] = offered.splice(0);
  last?.origin.settle(last, committed);
  expect(said).toEqual([]);
  text?.origin.settle(text, spooled);
  expect(said).toEqual(['through 100, last 3', 'through 200, last 4']);
  await Promise.all([first, second]);
});

test('what the server sent before does not take back what is through', async () => {
  const { deliver, said, settle } = setUp(500);
  void deliver.live(values(1), 300);
  settle(committed);
  expect(said).toEqual(['through 500, last 1']);
});

test('nothing is through behind what was dropped until that is recorded as a gap', async () => {
  const { deliver, said, settle, recorded } = setUp(50);
  const lost = [deliver.live(values(1), 100), deliver.live(values(2), 200)].map((one) => one.catch(() => 'not kept'));
  const later = deliver.live(values(3), 300);
  settle(dropped);
  settle(dropped, committed);
  expect(said).toEqual(['not_kept 50 to 100']);
  recorded();
  await turn();
  expect(said).toEqual(['not_kept 50 to 100', 'not_kept 100 to 200']);
  recorded();
  await Promise.all([...lost, later]);
  expect(await Promise.all(lost)).toEqual(['not kept', 'not kept']);
  expect(said.slice(2)).toEqual(['through 300, last 3']);
});

test('an empty batch says that there was nothing until then, after what is under way', () => {
  const { deliver, said, settle } = setUp();
  void deliver.live(values(1), 100);
  void deliver.live([], 200);
  expect(said).toEqual([]);
  settle(committed);
  expect(said).toEqual(['through 100, last 1', 'through 200, last null']);
});

test('values out of history move nothing, and are rejected where they were not kept', async () => {
  const { deliver, offered, said, settle } = setUp();
  const kept = deliver.history(values(1));
  const lost = deliver.history(values(2)).catch(() => 'not kept');
  expect(offered.map(({ payload }) => decodeValues(payload).values.map(({ timeMs }) => timeMs))).toEqual([[1], [2]]);
  settle(committed, dropped);
  await kept;
  expect(await lost).toBe('not kept');
  expect(said).toEqual([]);
});
