import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLog } from '../../platform/log.ts';
import { createRebirths } from './rebirths.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const node = (edge: string) => ({ tenantId: 't', group: 'g', edge });

/** Requests, and to which topics they were sent, and when. */
function opened() {
  const sent: string[] = [];
  const sentAt: number[] = [];
  const rebirths = createRebirths(createLog('silent'));
  rebirths.open(async (_tenantId, { topic }) => {
    sent.push(topic);
    sentAt.push(performance.now());
  });
  return { sent, sentAt, rebirths };
}

test('a node that is wanted again and again is asked ever less often', () => {
  const { sent, sentAt, rebirths } = opened();
  for (let second = 0; second < 2_500; second++) {
    rebirths.want(node('e'));
    vi.advanceTimersByTime(1_000);
  }
  const waits = sentAt.slice(1).map((at, i) => Math.round((at - (sentAt[i] ?? 0)) / 1_000));
  expect(waits).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600]);
  expect(new Set(sent)).toEqual(new Set(['spBv1.0/g/NCMD/e']));
});

test('what was wanted meanwhile is asked when the node may be asked again, unless it was born', () => {
  const { sent, rebirths } = opened();
  for (const edge of ['waits', 'born']) rebirths.want(node(edge));
  vi.advanceTimersByTime(1_000);
  for (const edge of ['waits', 'born']) rebirths.want(node(edge));
  rebirths.born(node('born'));
  vi.advanceTimersByTime(60_000);
  expect(sent).toEqual(['spBv1.0/g/NCMD/waits', 'spBv1.0/g/NCMD/born', 'spBv1.0/g/NCMD/waits']);
});

test('a node that has been well for long is asked at once, and patience begins anew', () => {
  const { sent, rebirths } = opened();
  for (let i = 0; i < 4; i++) {
    rebirths.want(node('e'));
    vi.advanceTimersByTime(7_200_000);
    expect(sent).toHaveLength(i + 1);
  }
});

test('of many nodes twenty are asked in a second', () => {
  const { sent, rebirths } = opened();
  for (let i = 0; i < 50; i++) rebirths.want(node(`e${i}`));
  vi.advanceTimersByTime(900);
  expect(sent).toHaveLength(20);
  vi.advanceTimersByTime(1_000);
  expect(sent).toHaveLength(40);
  vi.advanceTimersByTime(10_000);
  expect(new Set(sent).size).toBe(50);
});

test('nobody is asked before there is a way to ask, nor after the end', () => {
  const sent: string[] = [];
  const rebirths = createRebirths(createLog('silent'));
  rebirths.want(node('e'));
  vi.advanceTimersByTime(1_000);
  rebirths.open(async (_tenantId, { topic }) => void sent.push(topic));
  vi.advanceTimersByTime(1_000);
  expect(sent).toEqual(['spBv1.0/g/NCMD/e']);
  rebirths.close();
  rebirths.want(node('another'));
  vi.advanceTimersByTime(60_000);
  expect(sent).toHaveLength(1);
});
