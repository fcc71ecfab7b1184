import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createStory } from './story.ts';

let close: (() => void) | undefined;
afterEach(() => close?.());

/** An API that fails as often as told, and has one work order; before that many questions nothing has happened there. */
async function startApi({ failures = 0, before = 0, insights = [] as object[] }): Promise<string> {
  let asked = 0;
  const order = { id: 'w1', number: 1, title: 'Pump', priority: 'high' };
  const server = createServer((request, response) => {
    response.statusCode = ++asked <= failures ? 503 : 200;
    const there = request.url?.endsWith('work-orders') ? [order] : insights;
    response.end(JSON.stringify({ data: asked <= before ? [] : there }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => server.close();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a question that fails is told once, and asked again until it is answered', async () => {
  const lines: string[] = [];
  const apiUrl = await startApi({ failures: 3 });
  const watching = createStory((line) => lines.push(line)).watch({ apiUrl, apiKey: 'any', acknowledged: () => 0 });
  await watching.workOrder;
  await watching.stop();
  expect(lines).toEqual([
    expect.stringContaining('the API did not answer; asking again: work-orders was answered with 503'),
    expect.stringContaining('work order 1 opened (high): Pump'),
  ]);
});

test('an insight is told before its work order, also where both came while somebody asked', async () => {
  const lines: string[] = [];
  const insight = { id: 'i1', severity: 'critical', title: 'Vibration', message: 'It shakes.' };
  const apiUrl = await startApi({ before: 1, insights: [insight] });
  const watching = createStory((line) => lines.push(line)).watch({ apiUrl, apiKey: 'any', acknowledged: () => 0 });
  await watching.workOrder;
  await watching.stop();
  expect(lines).toEqual([
    expect.stringContaining('insight opened (critical): Vibration'),
    expect.stringContaining('work order 1 opened (high): Pump'),
  ]);
});

test('a story stops without an error while the API is out of reach', async () => {
  const lines: string[] = [];
  const watched = { apiUrl: 'http://127.0.0.1:1', apiKey: 'any', acknowledged: () => 0 };
  const watching = createStory((line) => lines.push(line)).watch(watched);
  await expect.poll(() => lines.length).toBe(1);
  await watching.stop();
  expect(lines[0]).toContain('asking again: fetch failed');
});
