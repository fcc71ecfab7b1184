import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  awayMs,
  createNumbersDatabase,
  numberOf,
  soon,
  untilAway,
  upTo,
  useSpoolFolder,
} from '../../../tests/support/intake-run.ts';
import type { Message } from './message.ts';

const { directory, start } = useSpoolFolder();

describe('the spool', () => {
  test('what a run could not commit is committed by the next one, before what comes then, as it was', async () => {
    const database = createNumbersDatabase();
    const first = start(database);
    database.isAway = true;
    for (const n of upTo(6)) first.offer(n, n > 4 ? 1 : 0);
    expect(await first.intake.drain(100)).toBe(false);
    expect(first.told).toEqual({ committed: [], spooled: [1, 2, 3, 4], dropped: [] });
    expect(await first.count('messages_abandoned_total')).toBe(2);

    database.isAway = false;
    const seen: Message[] = [];
    const commit = async (messages: readonly Message[]) => {
      seen.push(...messages);
    };
    const second = start(database, { commit });
    expect(await second.count('messages_recovered_total')).toBe(4);
    second.offer(7, 0);
    await soon(() => seen.map(numberOf)).toEqual([1, 2, 3, 4, 7]);
    expect(seen[0]).toMatchObject({ topic: 'a/b', receivedMs: 1_001, qos: 0, isRepeated: false });
    expect(seen[0]?.origin.device).toEqual(seen[4]?.origin.device);
    await second.intake.drain(1_000);
  });

  test.each([
    ['a NUL and more in the topic', { topic: 'a/\0ä/€', payload: Buffer.from('1') }],
    ['no payload', { topic: 'a/b', payload: Buffer.alloc(0) }],
    ['a megabyte', { topic: 'a/b', payload: Buffer.alloc(1_048_576, 7) }],
  ])('a message comes back as it was: %s', async (_name, given) => {
    const database = createNumbersDatabase();
    database.isAway = true;
    const run = start(database);
    run.offer(1, 0, given);
    await run.intake.drain(20);
    const seen: Message[] = [];
    const commit = async (messages: readonly Message[]) => {
      seen.push(...messages);
    };
    const next = start(database, { commit });
    await soon(() => seen).toHaveLength(1);
    expect(seen[0]?.topic).toBe(given.topic);
    expect(seen[0]?.payload.equals(given.payload)).toBe(true);
    await next.intake.drain(1_000);
  });

  test('full, it keeps what it has and drops what comes, which is counted; QoS 1 is never dropped', async () => {
    const database = createNumbersDatabase();
    database.isAway = true;
    const run = start(database, { bytesMax: 1_000_000 });
    run.offer(1, 1);
    await untilAway(run);
    const topic = `a/${'b'.repeat(998)}`;
    for (const n of upTo(2_000, 2)) run.offer(n, n % 2 ? 1 : 0, { topic, payload: Buffer.from(`${n}`) });
    await soon(() => run.told.spooled.length + run.told.dropped.length).toBe(1_000);
    expect(run.told.spooled.length).toBeGreaterThan(900);
    expect(run.told.dropped.length).toBeGreaterThan(10);
    expect(Math.max(...run.told.spooled)).toBeLessThan(Math.min(...run.told.dropped));
    expect(await run.count('messages_dropped_total')).toBe(run.told.dropped.length);
    database.isAway = false;
    await soon(() => database.committed.length).toBe(2_001 - run.told.dropped.length);
    expect(database.committed).toEqual(database.committed.toSorted((a, b) => a - b));
    await run.intake.drain(1_000);
  });

  test('full while commits go on, it makes nobody lose anything: memory fills, and doors are to stop', async () => {
    const gone = createNumbersDatabase();
    gone.isAway = true;
    const first = start(gone, { bytesMax: 1_000_000 });
    const topic = `a/${'b'.repeat(98)}`;
    for (const n of upTo(7_000)) first.offer(n, 0, { topic, payload: Buffer.from(`${n}`) });
    await first.intake.drain(100);
    const kept = first.told.spooled.length;
    expect(kept).toBeLessThan(10_000);
    expect(kept).toBeGreaterThan(5_000);
    const database = createNumbersDatabase();
    let letGo = () => {};
    const isFree = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const second = start(database, {
      bytesMax: 1_000_000,
      awayMs: 60_000,
      commit: (messages) => isFree.then(() => database.commit(messages)),
    });
    let n = 10_000;
    while (!second.intake.isFull())
      second.offer(++n, 0, { topic: `a/${'b'.repeat(10_000)}`, payload: Buffer.from(`${n}`) });
    expect(second.told.dropped).toEqual([]);
    letGo();
    await soon(() => database.committed.length).toBe(kept + n - 10_000);
    expect(second.told.dropped).toEqual([]);
    expect(database.committed).toEqual(database.committed.toSorted((a, b) => a - b));
    await second.intake.drain(1_000);
  });

  test('a message that cannot be stored is set aside, and the others behind it are committed', async () => {
    const database = createNumbersDatabase();
    database.isAway = true;
    const first = start(database);
    for (const n of upTo(9)) first.offer(n, 0);
    await first.intake.drain(20);
    database.isAway = false;
    const aside: number[] = [];
    const next = start(database, {
      commit: async (messages) => {
        if (messages.some((message) => numberOf(message) === 5)) throw new TypeError('poison');
        await database.commit(messages);
      },
      isPoison: (error) => error instanceof TypeError,
      setAside: async (message) => {
        aside.push(numberOf(message));
      },
    });
    await soon(() => database.committed).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
    expect(aside).toEqual([5]);
    expect(next.spool.messages()).toBe(0);
    await next.intake.drain(1_000);
  });

  test('a file that is none is put aside, and a file that another program uses is refused', async () => {
    writeFileSync(join(directory(), 'messages.sqlite'), 'this is no database'.repeat(1_000));
    const database = createNumbersDatabase();
    const run = start(database);
    expect(readdirSync(directory()).some((name) => name.startsWith('messages.sqlite.damaged-'))).toBe(true);
    expect(() => start(database)).toThrow('is in use by another program');
    await run.intake.drain(1_000);
  });

  test('a file that is damaged in its middle is put aside with what is in it, and the program goes on', async () => {
    const database = createNumbersDatabase();
    database.isAway = true;
    const first = start(database);
    for (const n of upTo(2_000)) first.offer(n, 0, { topic: `a/${'b'.repeat(2_000)}`, payload: Buffer.from(`${n}`) });
    await first.intake.drain(100);
    const file = join(directory(), 'messages.sqlite');
    const bytes = readFileSync(file);
    expect(bytes.length).toBeGreaterThan(3_000_000);
    writeFileSync(file, Buffer.concat([bytes.subarray(0, 4_096), Buffer.alloc(bytes.length - 4_096, 0xff)]));
    const next = start(createNumbersDatabase());
    expect(next.spool.messages()).toBe(0);
    expect(readdirSync(directory()).filter((name) => name.includes('.damaged-'))).not.toEqual([]);
    next.offer(1, 1);
    await soon(() => next.told.committed).toEqual([1]);
    await next.intake.drain(1_000);
  });

  test.each([
    [60_000, 'away'],
    [2 * awayMs, 'shedding'],
  ])(
    'when connections are to be closed after %d ms without a commit, it is %s, until there is one',
    async (shedAfterMs, state) => {
      const database = createNumbersDatabase();
      database.isAway = true;
      const run = start(database, { shedAfterMs });
      expect(run.intake.state()).toBe('working');
      run.offer(1, 1);
      await soon(() => run.intake.state()).toBe(state);
      database.isAway = false;
      await soon(() => run.intake.state()).toBe('working');
      expect(run.told.committed).toEqual([1]);
      await run.intake.drain(1_000);
    },
  );
});
