/** Random requests from the OpenAPI document itself, valid and not, to every operation. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { allowedBy, type JsonSchema, junk, spoiled, type Values } from './support/schema-arbitrary.ts';

const requests = 5_000;

/** They answer when something else does: an OPC-UA server, a reader who stays, a program of rules in a thread of its own. */
const slow = /\/stream\/?$|\/opcua-connections\/test|\/(browse|discover|preview)\/?$|\/rules\/\{id\}\/test\/?$/;

type Parameter = { in: string; name: string; required?: boolean; schema: JsonSchema };
type Described = { parameters?: Parameter[]; requestBody?: { content: Record<string, { schema: JsonSchema }> } };
type Document = {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, JsonSchema> };
};
type Sent = { method: string; url: string; headers: Record<string, string>; payload: string | undefined };

let api: TestApi;
let world: World;
let document: Document;
let values: Values;
/** Nobody's, so that whoever is deactivated takes no key along. */
let key: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  key = await world.makeKey({ scopes: ['read', 'write', 'admin'] });
  await deployLibrary(api);
  document = api.app.swagger() as unknown as Document;
  const made = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
  const { campusId, plantId, alexId, ahuId, chillerId, pointId } = world;
  const ids = [campusId, plantId, alexId, ahuId, chillerId, pointId, made.json.data.id, await world.makeInsight()];
  const resolve = (reference: string) => document.components.schemas[reference.split('/').at(-1) ?? ''] as JsonSchema;
  values = { resolve, known: [...ids, 'ucl-east-campus', 'ahu-cooling-valve-leak', '1'] };
});
afterAll(() => api.close());

test(`${requests} random requests: never an error of ours, never an answer that is not documented`, async () => {
  const operations = Object.entries(document.paths)
    .filter(([path]) => !slow.test(path))
    .flatMap(([path, item]) => Object.entries(item).map(([method, described]) => ({ method, path, described })));
  const anyRequest = fc
    .constantFrom(...operations)
    .chain(({ method, path, described }) => requestTo(method, path, described));
  const counts = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(anyRequest, async ({ method, url, headers, payload }) => {
      const answer = await api.call(method, url, {
        key,
        headers,
        ...(payload === undefined ? {} : { payload }),
      });
      // On Free no key would be let in any more.
      if (url.startsWith('/api/v1/tenant')) await api.database.db.updateTable('tenant').set({ plan: 'pro' }).execute();
      const kind = `${Math.floor(answer.status / 100)}xx`;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      expect([answer.status < 500, answer.text.slice(0, 500)]).toEqual([true, expect.anything()]);
    }),
    { numRuns: requests, endOnFailure: true },
  );
  // Both kinds must have come up in numbers, or the test has shown little.
  expect(counts.get('2xx')).toBeGreaterThan(requests / 10);
  expect(counts.get('4xx')).toBeGreaterThan(requests / 10);
});

function requestTo(method: string, path: string, { parameters = [], requestBody }: Described): fc.Arbitrary<Sent> {
  const of = (place: string) => parameters.filter((parameter) => parameter.in === place);
  const segments = fc.record(Object.fromEntries(of('path').map(({ name, schema }) => [name, segmentOf(name, schema)])));
  const query = optional(of('query'));
  const headers = optional(of('header').filter(({ name }) => name !== 'Accept-Version'));
  const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const body = media === undefined ? fc.constant(undefined) : bodyOf(media.schema);
  return fc.tuple(segments, query, headers, body).map(([at, asked, given, sent]) => {
    const target = path.replaceAll(/\{(\w+)\}/g, (_, name) =>
      encodeURIComponent(String((at as Record<string, string>)[name])),
    );
    const search = new URLSearchParams(
      Object.entries(asked).map(([name, value]) => [name, [value].flat().map(textOf).join(',')] as [string, string]),
    );
    return {
      method: method.toUpperCase(),
      url: search.size === 0 ? target : `${target}?${search}`,
      headers: {
        'accept-version': '1.0.0',
        ...(type === undefined ? {} : { 'content-type': type }),
        // A header line has no line breaks or the like, whoever sends it.
        ...Object.fromEntries(
          Object.entries(given).map(([name, value]) => [
            name.toLowerCase(),
            textOf(value).replaceAll(/[^\x20-\x7e]/g, '?'),
          ]),
        ),
      },
      payload: sent,
    };
  });
}

function segmentOf(name: string, schema: JsonSchema): fc.Arbitrary<string> {
  if (name === 'slug')
    return fc.oneof({ weight: 4, arbitrary: fc.constant('ucl-east-campus') }, fc.constantFrom('plant', 'nowhere'));
  const text = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...values.known) },
    allowedBy(schema, values).map(textOf),
    fc.string({ minLength: 1, maxLength: 10 }),
  );
  // A dot or two by themselves are no segment, and are gone before the request is sent.
  return text.map((segment) => (/^\.{0,2}$/.test(segment) ? 'x' : segment));
}

/** Each parameter now and then, now and then with junk. */
function optional(parameters: readonly Parameter[]): fc.Arbitrary<Record<string, unknown>> {
  const given = parameters.map(({ name, schema }) => {
    const value = fc.oneof({ weight: 6, arbitrary: allowedBy(schema, values) }, junk.map(textOf));
    return fc.option(value, { freq: 2, nil: undefined }).map((chosen) => [name, chosen] as const);
  });
  return fc
    .tuple(
      fc.tuple(...given),
      fc.subarray(
        parameters.map(({ name }) => name),
        { maxLength: Math.min(2, parameters.length) },
      ),
    )
    .map(([all, kept]) =>
      Object.fromEntries(all.filter(([name, value]) => value !== undefined && kept.includes(name))),
    );
}

function bodyOf(schema: JsonSchema): fc.Arbitrary<string> {
  const right = allowedBy(schema, values);
  return fc.oneof(
    { weight: 6, arbitrary: right.map((value) => JSON.stringify(value)) },
    { weight: 3, arbitrary: spoiled(right).map((value) => JSON.stringify(value) ?? 'null') },
    fc.oneof(
      junk.map((value) => JSON.stringify(value) ?? ''),
      fc.string({ maxLength: 30 }),
    ),
  );
}

/** As it stands in a query or a header; an object may have a `toString` that is none. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
