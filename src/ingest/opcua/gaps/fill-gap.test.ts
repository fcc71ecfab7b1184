import { expect, test } from 'vitest';
import type { ItemSpec, Value } from '../connection.ts';
import { fillGap, type ReadHistory } from './fill-gap.ts';

const items = [1, 2, 3].map(
  (id): ItemSpec => ({
    id,
    node: `nsu=urn:plant;i=${id}`,
    field: '',
    site: 's',
    asset: 'a',
    point: `p${id}`,
    samplingIntervalMs: null,
    deadbandKind: 'none',
    deadband: 0,
  }),
);
const value = (itemId: number, timeMs: number): Value => ({ itemId, timeMs, value: timeMs, status: 0 });
const longAgo = { id: 'g', itemId: null, fromMs: 1_000, toMs: 2_000 };

/** A history that has a value of each item at these times, but for those items that it refuses. */
function historyOf(timesMs: () => readonly number[], refused: Readonly<Record<number, string>> = {}) {
  const asked: string[] = [];
  const read: ReadHistory = async ({ items: wanted, fromMs, toMs, give, end }) => {
    asked.push(`${wanted.map(({ id }) => id).join(' ')}: ${fromMs} to ${toMs}`);
    for (const { id } of wanted) {
      const found = timesMs().filter((ms) => ms >= fromMs && ms <= toMs);
      if (!refused[id] && found.length > 0) await give(found.map((ms) => value(id, ms)));
      end(id, refused[id] ?? null);
    }
  };
  return { read, asked };
}

function fill(history: { read: ReadHistory }, gap: Parameters<typeof fillGap>[0] = longAgo, hasRoom = () => true) {
  const delivered: Value[] = [];
  const { signal } = new AbortController();
  const deliver = async (values: readonly Value[]) => void delivered.push(...values);
  const filled = fillGap(gap, { items, slackMs: 100, read: history.read, deliver, hasRoom, signal });
  return { filled, delivered };
}

test('history is asked from before a gap until after it, and what lies within it is counted', async () => {
  const history = historyOf(() => [950, 1_000, 1_500, 2_000, 2_050]);
  const { filled, delivered } = fill(history);
  expect(await filled).toEqual({ state: 'filled', detail: null, itemsFilled: 3, itemsLost: 0, readingsFound: 9 });
  expect(history.asked).toEqual(['1 2 3: 900 to 2100']);
  expect(delivered).toHaveLength(15);
});

test.each([
  [{ 2: 'BadHistoryOperationUnsupported' }, 'partly', 2],
  [{ 1: 'BadUserAccessDenied', 2: 'BadUserAccessDenied', 3: 'BadUserAccessDenied' }, 'lost', 0],
])('of %j the gap is %s', async (refused: Record<number, string>, state, itemsFilled) => {
  const result = await fill(historyOf(() => [1_500], refused)).filled;
  expect(result).toMatchObject({ state, itemsFilled, itemsLost: 3 - itemsFilled });
  expect(result.detail).toContain(Object.values(refused)[0]);
  expect(result.detail).toContain('nsu=urn:plant;i=2');
});

test('of a single item only that one is asked for, and one that is read no more is done', async () => {
  const history = historyOf(() => [1_500]);
  expect(await fill(history, { ...longAgo, itemId: 2 }).filled).toMatchObject({ itemsFilled: 1, readingsFound: 1 });
  expect(history.asked).toEqual(['2: 900 to 2100']);
  expect(await fill(history, { ...longAgo, itemId: 9 }).filled).toMatchObject({
    state: 'filled',
    itemsFilled: 0,
    detail: 'The item is read no more.',
  });
});

test('the end of a gap is asked for once more when it is past, since a historian may write late', async () => {
  const toMs = Date.now();
  const times = [toMs - 500];
  const history = historyOf(() => times);
  const { filled } = fill(history, { id: 'g', itemId: 1, fromMs: toMs - 1_000, toMs });
  times.push(toMs - 50);
  expect(await filled).toMatchObject({ state: 'filled', readingsFound: 2 });
  expect(history.asked.map((line) => line.slice(0, 2))).toEqual(['1:', '1:']);
  // Node's timers may fire a millisecond before their time.
  expect(Date.now()).toBeGreaterThanOrEqual(toMs + 99);
});

test('values out of history wait for room', async () => {
  let isRoom = false;
  const { filled, delivered } = fill(
    historyOf(() => [1_500]),
    longAgo,
    () => isRoom,
  );
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(delivered).toEqual([]);
  isRoom = true;
  await filled;
  expect(delivered).toHaveLength(3);
});
