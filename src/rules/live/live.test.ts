import { expect, test } from 'vitest';
import { takeTurns } from './live.ts';

/** Shards and how many runs each is behind. */
function shardsBehind(runsLeft: Record<number, number>) {
  const runs: number[] = [];
  const advance = async (shard: number) => {
    runs.push(shard);
    const left = (runsLeft[shard] ?? 0) - 1;
    runsLeft[shard] = left;
    return left > 0;
  };
  return { runs, advance };
}

test('a shard far behind keeps none of the others waiting: each has one run before it has its second', async () => {
  const { runs, advance } = shardsBehind({ 1: 4, 2: 1, 3: 2 });
  await takeTurns([1, 2, 3], { advance, isOver: () => false, isLastRound: () => false });
  expect(runs).toEqual([1, 2, 3, 1, 3, 1, 1]);
});

test('a shard far behind is left after the run that it is in once closing has begun', async () => {
  const { runs, advance } = shardsBehind({ 1: 1_000 });
  await takeTurns([1], { advance, isOver: () => runs.length === 3, isLastRound: () => false });
  expect(runs).toEqual([1, 1, 1]);
});

test('every shard has a run even if the next tick is due', async () => {
  const { runs, advance } = shardsBehind({ 1: 1_000, 2: 1_000 });
  await takeTurns([1, 2], { advance, isOver: () => false, isLastRound: () => true });
  expect(runs).toEqual([1, 2]);
});
