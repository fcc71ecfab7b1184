/** An API that listens, a tenant, and streams of it that end with the test. */
import { expect, vi } from 'vitest';
import { createPositionCodec } from '../../src/events/stream/ask.ts';
import { createPaging } from '../../src/platform/paging.ts';
import { makeWorld, startTestApi } from './api.ts';
import { openSse, type SseStream } from './sse.ts';

export type LiveStage = Awaited<ReturnType<typeof openLiveStage>>;

/** Heartbeats come quickly, and a key has four streams. */
export async function openLiveStage() {
  const api = await startTestApi({ streamLimits: { heartbeatMs: 200, ofKeyMax: 4 } });
  const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const world = await makeWorld(api.database);
  const opened: SseStream[] = [];
  const createOrder = (title: string, key = world.key) =>
    api.call('POST', '/api/v1/work-orders', { key, body: { title } });
  return {
    api,
    world,
    createOrder,
    follow: async (
      query = '',
      more: { key?: string; lastEventId?: string; path?: string; base?: string; method?: string } = {},
    ) => {
      const { key = world.key, path = '/api/v1/stream', base = url, ...headers } = more;
      const stream = await openSse(`${base}${path}${query}`, { key, ...headers });
      opened.push(stream);
      return stream;
    },
    post: (value: number, at = new Date()) =>
      api.call('POST', `/api/v1/points/${world.pointId}/readings`, {
        key: world.key,
        body: [{ value, time: at.toISOString() }],
      }),
    /** Waits for something that comes last: what has not come by then does not come. */
    untilNow: async (stream: SseStream) => {
      const title = `marker ${Math.random()}`;
      await createOrder(title);
      await vi.waitFor(() => {
        expect(stream.events.some(({ data }) => data.data?.title === title)).toBe(true);
      }, 60_000);
    },
    endStreams: () => {
      for (const stream of opened.splice(0)) stream.close();
    },
    close: () => api.close(),
  };
}

/** The values of the readings that have come. */
export const valuesOf = (stream: SseStream): number[] =>
  stream.events.filter(({ type }) => type === 'reading').map(({ data }) => data.value);

/** Writes positions as the API of the tests does. */
export const codecOf = (tenantId: string) =>
  createPositionCodec(createPaging('a secret of the tests, long enough'), tenantId);

/** A position of some hours ago. */
export const positionOf = (hours: number, xmax: number) => ({
  snapshot: { xmin: xmax, xmax, xips: [] },
  atMs: Date.now() - hours * 3_600_000,
  begunMs: Date.now() - hours * 3_600_000,
});
