/** The operations of the OpenAPI document, for tests that walk all of them. */
import { isOfMount, isOfRoot } from '../../src/api/mounts.ts';
import type { TestApi } from './api.ts';
import { type DescribedOperation, examplesOf } from './document-examples.ts';
import { makeForm } from './forms.ts';

type Described = DescribedOperation & {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly schema?: { enum?: string[] };
  }[];
  readonly security?: readonly Record<string, readonly string[]>[];
};

export type Operation = {
  readonly method: string;
  /** As in the document, with `{id}` in it. */
  readonly path: string;
  /** `GET /api/v1/assets/{id}`, for exceptions and for messages. */
  readonly name: string;
  /** Of which one will do; none: any key will. */
  readonly scopes: readonly string[];
  readonly described: Described;
};

/** Every operation of the mounts that asks for a key. */
export function listOperations(api: TestApi): Operation[] {
  const { paths } = api.app.swagger() as unknown as { paths: Record<string, Record<string, Described>> };
  return Object.entries(paths)
    .filter(([path]) => isOfMount(path))
    .flatMap(([path, item]) =>
      Object.entries(item).map(([verb, described]) => {
        const method = verb.toUpperCase();
        const scopes = (described.security ?? []).flatMap((one) => Object.values(one).flat());
        return { method, path, name: `${method} ${path}`, scopes: [...new Set(scopes)], described };
      }),
    )
    .filter(({ described }) => described.security?.length !== 0);
}

type Content = { readonly body?: unknown; readonly payload?: Buffer; readonly headers: Record<string, string> };

/** What to send with an operation: the body that the document shows, a form with a file in it, or nothing. */
export function contentOf(api: TestApi, { described, path }: Operation): Content {
  const { components } = api.app.swagger() as unknown as { components: { schemas: Record<string, object> } };
  const content = described.requestBody?.content ?? {};
  // At the root the path does not say which version is asked for.
  const headers = isOfRoot(path) ? { 'accept-version': '1.0.0' } : {};
  const [body] = examplesOf(described, components.schemas);
  if (body !== undefined) return { body, headers };
  if (content['multipart/form-data'] === undefined) return { headers };
  const form = makeForm([
    ['name', 'a file'],
    ['file', { bytes: 'text', name: 'a.txt', type: 'text/plain' }],
  ]);
  return { ...form, headers: { ...form.headers, ...headers } };
}

export type PathParameter = { readonly name: string; readonly of: string };

/** The parameters of a path, each with what it is an id of: `id` of work-orders, `comment_id` of work-orders. */
export function parametersOf({ path }: Pick<Operation, 'path'>): PathParameter[] {
  const steps = path.split('/');
  const collection = /([\w-]+)\/\{id\}/.exec(path)?.[1] ?? '';
  return steps.flatMap((step) => {
    const name = /^\{(\w+)\}$/.exec(step)?.[1];
    if (name === undefined) return [];
    if (name === 'id') return [{ name, of: collection }];
    return [{ name, of: name === 'slug' || collection === '' ? name : `${collection}/${name}` }];
  });
}

/** Steps of a path that are no ids. */
const words: Readonly<Record<string, string>> = { 'assets/kind': 'feeds' };
const nowhere = 'b2c3d4e5-6789-0abc-def1-234567890abc';

/** The path of an operation with ids in it, by what they are of; where there is none, one that nothing has. */
export function urlOf(operation: Operation, ids: Readonly<Record<string, string>>): string {
  return parametersOf(operation).reduce(
    (url, { name, of }) => url.replace(`{${name}}`, words[of] ?? ids[of] ?? nowhere),
    operation.path,
  );
}

export type Schema = {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  items?: Schema;
};

/** The properties of the JSON that an operation takes, of all its forms together. */
export function propertiesOf(api: TestApi, { described }: Operation): Record<string, Schema> {
  const { components } = api.app.swagger() as unknown as { components: { schemas: Record<string, Schema> } };
  const resolve = (schema: Schema | undefined): Schema =>
    schema?.$ref ? resolve(components.schemas[schema.$ref.split('/').at(-1) ?? '']) : (schema ?? {});
  const body = resolve(described.requestBody?.content['application/json']?.schema as Schema | undefined);
  const forms = [body, ...(body.anyOf ?? []).map(resolve)];
  return Object.assign({}, ...forms.map((form) => form.properties ?? {}));
}
