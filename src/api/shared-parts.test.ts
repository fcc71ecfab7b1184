import { expect, test } from 'vitest';
import { sharePartsOf } from './shared-parts.ts';

const limit = { in: 'query', name: 'limit', schema: { type: 'integer' } };
const id = { description: 'Names the request.', schema: { type: 'string' } };
const missing = (code: string) => ({ description: code, headers: { 'X-Request-Id': id } });
const operation = (code: string, parameters: object[]) => ({
  parameters,
  responses: { 200: { description: 'As asked.', headers: { 'X-Request-Id': id } }, 404: missing(code) },
});
const document = {
  paths: {
    '/a': { get: operation('no a', [limit]) },
    '/b': {
      get: operation('no b', [
        { ...limit, schema: { type: 'string' } },
        { in: 'query', name: 'at[gte]' },
      ]),
    },
    '/c': { get: operation('no a', [limit]) },
  },
  components: { schemas: { Problem: {} } },
};

test('what operations have alike is a component, which all of them refer to, and what differs is another one', () => {
  const { paths, components } = sharePartsOf(document) as never as {
    paths: Record<string, { get: { parameters: { $ref: string }[]; responses: Record<string, unknown> } }>;
    components: Record<string, Record<string, unknown>>;
  };
  expect(paths['/a']).toEqual(paths['/c']);
  expect(paths['/a']?.get.parameters).toEqual([{ $ref: '#/components/parameters/query.limit' }]);
  expect(paths['/b']?.get.parameters[0]?.$ref).toMatch(/^#\/components\/parameters\/query\.limit-[0-9a-f]{8}$/);
  expect(paths['/b']?.get.parameters[1]).toEqual({ $ref: '#/components/parameters/query.at.gte' });
  expect(Object.keys(components.responses ?? {})).toEqual(['404', expect.stringMatching(/^404-/)]);
  expect(Object.keys(components.headers ?? {})).toEqual(['X-Request-Id']);
  expect(components.schemas).toEqual({ Problem: {} });
});

test('with its references followed it is the document that it was made of, which is left as it was', () => {
  const before = structuredClone(document);
  const shared = sharePartsOf(document);
  const follow = (part: unknown): unknown => {
    if (part === null || typeof part !== 'object') return part;
    if (Array.isArray(part)) return part.map(follow);
    const { $ref } = part as { $ref?: string };
    const target = $ref?.split('/').slice(1);
    // biome-ignore lint/suspicious/noExplicitAny: it walks whatever there is.
    if (target) return follow(target.reduce((at: any, step) => at[step], shared));
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, follow(value)]));
  };
  expect(follow(shared.paths)).toEqual(document.paths);
  expect(document).toEqual(before);
});
