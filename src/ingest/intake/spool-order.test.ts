import { rmSync } from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
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

describe('the order of messages through memory and spool', () => {
  test('while the database is away QoS 0 waits on the disk and QoS 1 in memory, and all is committed in order of arrival', async () => {
    const database = createNumbersDatabase();
    const run = start(database);
    database.isAway = true;
    for (const n of upTo(10)) run.offer(n, n % 2 ? 0 : 1);
    await untilAway(run);
    for (const n of upTo(10, 11)) run.offer(n, n % 2 ? 0 : 1);
    await soon(() => run.told.spooled).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    expect(run.told.committed).toEqual([]);
    database.isAway = false;
    await soon(() => database.committed).toEqual(upTo(20));
    await soon(() => run.told.committed).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    expect(run.told.dropped).toEqual([]);
    expect(run.spool.messages()).toBe(0);
    await run.intake.drain(1_000);
  });

  test('more than is read or committed at once stays in order, too', async () => {
    const database = createNumbersDatabase();
    database.isAway = true;
    const run = start(database);
    for (const n of upTo(7_000)) {
      run.offer(n, n % 3 ? 0 : 1);
      if (n === 100) await untilAway(run);
    }
    database.isAway = false;
    await soon(() => database.committed.length).toBe(7_000);
    expect(database.committed).toEqual(upTo(7_000));
    await run.intake.drain(1_000);
  });

  test('what is not written yet when the database is back keeps its place before newer ones', async () => {
    const committed: number[] = [];
    let letGo = () => {};
    const commit = (messages: readonly Message[]) =>
      new Promise<void>((resolve) => {
        letGo = () => {
          committed.push(...messages.map(numberOf));
          resolve();
        };
      });
    const run = start(createNumbersDatabase(), { commit });
    run.offer(1, 1);
    await untilAway(run);
    run.offer(2, 0);
    await soon(() => run.told.spooled).toEqual([2]);
    run.offer(3, 0);
    run.offer(4, 1);
    letGo();
    await soon(() => {
      letGo();
      return new Set(committed).size;
    }).toBe(4);
    expect([...new Set(committed)]).toEqual([1, 2, 3, 4]);
    await run.intake.drain(1_000);
  });

  test('whatever comes while the database goes and comes and the program stops and starts, each message ends in one place, in order', async () => {
    const event = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('offer' as const),
          qos: fc.constantFrom(0 as const, 1 as const),
          times: fc.integer({ min: 1, max: 40 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('away' as const, 'back' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('wait' as const, 'restart' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        rmSync(directory(), { recursive: true, force: true });
        const database = createNumbersDatabase();
        let run = start(database);
        let sent = 0;
        const lost: number[] = [];
        const stop = async (waitMsMax: number) => {
          await run.intake.drain(waitMsMax);
          expect(run.told.dropped).toEqual([]);
          const { committed, spooled } = run.told;
          const known = new Set([...committed, ...spooled]);
          expect(known.size).toBe(committed.length + spooled.length);
          lost.push(...offered.filter(({ n, qos }) => qos === 1 && !known.has(n)).map(({ n }) => n));
          expect(offered.filter(({ n, qos }) => qos === 0 && !known.has(n))).toEqual([]);
        };
        let offered: { n: number; qos: 0 | 1 }[] = [];
        for (const one of events) {
          await turn();
          if (one.kind === 'offer') {
            for (let i = 0; i < one.times; i++) {
              offered.push({ n: ++sent, qos: one.qos });
              run.offer(sent, one.qos);
            }
          } else if (one.kind === 'restart') {
            await stop(10);
            run = start(database);
            offered = [];
          } else if (one.kind === 'wait') await sleep(awayMs * 3);
          else database.isAway = one.kind === 'away';
        }
        database.isAway = false;
        const isDone = () => run.spool.messages() === 0 && offered.every(({ n }) => database.committed.includes(n));
        await soon(isDone).toBe(true);
        await stop(10_000);
        // What was not acknowledged when the program stopped is sent again by its device, which none of these does.
        // What was on its way just then may be there all the same.
        const isThere = new Set(database.committed);
        expect(database.committed).toEqual(upTo(sent).filter((n) => !lost.includes(n) || isThere.has(n)));
      }),
      { numRuns: 25 },
    );
  });
});
