import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

describe('PATCH /assets/{id}', () => {
  test('sets tags and merges parameters, under If-Match', async () => {
    const url = `/api/v1/assets/${world.ahuId}`;
    const before = await api.call('GET', url, { key: world.key });
    const etag = String(before.headers.etag);
    const changed = await api.call('PATCH', url, {
      key: world.key,
      body: { tags: ['a', 'b', 'a'], params: { min_oa: 0.3, x: 1 } },
      headers: { 'if-match': etag },
    });
    expect(changed.json.data).toMatchObject({ tags: ['a', 'b'], params: { min_oa: 0.3, x: 1 } });
    const stale = await api.call('PATCH', url, { key: world.key, body: { tags: [] }, headers: { 'if-match': etag } });
    expect(stale.json.error).toBe('precondition_failed');
    const less = await api.call('PATCH', url, { key: world.key, body: { params: { x: null } } });
    expect(less.json.data).toMatchObject({ tags: ['a', 'b'], params: { min_oa: 0.3 } });
    const found = await api.call('GET', '/api/v1/assets?tag=b', { key: world.key });
    expect(found.json.data.map(({ id }: { id: string }) => id)).toEqual([world.ahuId]);
  });

  test.each([
    { tags: [''] },
    { tags: ['x'.repeat(65)] },
    { tags: 'a' },
    { params: { 'A B': 1 } },
    { params: { x: 'y' } },
    { name: 'x' },
  ])('%j is refused', async (body) => {
    const reply = await api.call('PATCH', `/api/v1/assets/${world.ahuId}`, { key: world.key, body });
    expect([reply.status, reply.json.error]).toEqual([400, 'validation_failed']);
  });
});
