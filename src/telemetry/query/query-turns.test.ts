import { expect, test } from 'vitest';
import { createQueryTurns } from './query-turns.ts';

const busy = expect.objectContaining({ code: 'query_busy', status: 503 });

test('a tenant has eight streams at once, all tenants together 32, and a place that is left is free once', () => {
  const turns = createQueryTurns();
  const own = Array.from({ length: 8 }, () => turns.openStream('a'));
  expect(() => turns.openStream('a')).toThrow(busy);
  for (const tenant of ['b', 'c', 'd']) for (let i = 0; i < 8; i++) turns.openStream(tenant);
  expect(() => turns.openStream('e')).toThrow(busy);
  own[0]?.leave();
  own[0]?.leave();
  turns.openStream('e');
  expect(() => turns.openStream('e')).toThrow(busy);
});

test('pages go four at a time, the others wait, and the longest queue is told to come again', async () => {
  const turns = createQueryTurns();
  const ends: (() => void)[] = [];
  let running = 0;
  const work = () => {
    running++;
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  const pages = Array.from({ length: 4 + 200 }, () => turns.page('a', work));
  expect(running).toBe(4);
  const others = turns.page('b', work);
  await expect(pages.at(-1)).rejects.toEqual(busy);
  const done = Promise.allSettled([...pages, others]);
  for (let ended = 0; ended < 204; ended++) {
    await expect.poll(() => ends.length).toBeGreaterThan(0);
    ends.shift()?.();
  }
  expect((await done).filter(({ status }) => status === 'rejected')).toHaveLength(1);
});
