/** Words for the tests about equipment, places and sites over the API. */
import type { TestApi, World } from './api.ts';

export type AssetWords = ReturnType<typeof assetWords>;

/** What the tests ask of the API with the key of a world; each answer is the object itself, or the answer whole with `ask`. */
export function assetWords(api: TestApi, world: World) {
  const ask = (method: string, path: string, body?: unknown, key = world.key, headers: Record<string, string> = {}) =>
    api.call(method, `/api/v1${path}`, { key, headers, ...(body === undefined ? {} : { body }) });
  const must = async (method: string, path: string, body?: unknown) => {
    const reply = await ask(method, path, body);
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.json?.data;
  };
  return {
    ask,
    get: (path: string) => must('GET', path),
    make: (body: object) => must('POST', '/assets', { site: 'ucl-east-campus', ...body }),
    place: (body: object) => must('POST', '/locations', { site: 'ucl-east-campus', ...body }),
    change: (id: string, body: object) => must('PATCH', `/assets/${id}`, body),
    relate: (from: string, kind: 'feeds' | 'isPartOf', to: string) =>
      must('PUT', `/assets/${from}/relations/${kind}/${to}`),
    /** What the log tells of one thing, oldest first. */
    told: async (id: string) => {
      const rows = await api.database.db
        .selectFrom('event')
        .select(['type', 'changes', 'actor', 'data'])
        .where('subject_id', '=', id)
        .orderBy('id')
        .execute();
      return rows as {
        type: string;
        changes: { field: string; from: unknown; to: unknown }[];
        actor: object;
        data: object;
      }[];
    },
  };
}
