/**
 * The document as it is served: what many operations have alike (headers, parameters, answers that refuse) stands once, among the
 * components, and is referred to. Written out everywhere it would be ten times as long as what differs.
 */
import { createHash } from 'node:crypto';

type Part = Record<string, unknown>;
type Operation = { parameters?: Part[]; responses: Record<string, Part> };
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components?: Record<string, Record<string, unknown>>;
};
type Kind = 'headers' | 'parameters' | 'responses';

/** A copy of a document in which equal headers, parameters and refusals are components; it says the same. */
export function sharePartsOf<T>(document: T): T {
  const shared = structuredClone(document) as Document;
  const components = { headers: {}, parameters: {}, responses: {} } as Record<Kind, Record<string, Part>>;
  const refer = (kind: Kind, name: string, part: Part): Part => {
    const named = nameIn(components[kind], name, part);
    components[kind][named] = part;
    return { $ref: `#/components/${kind}/${named}` };
  };
  for (const operation of Object.values(shared.paths).flatMap((item) => Object.values(item))) {
    if (operation.parameters)
      operation.parameters = operation.parameters.map((part) => refer('parameters', nameOf(part), part));
    for (const [status, response] of Object.entries(operation.responses)) {
      const headers = Object.entries((response.headers ?? {}) as Record<string, Part>);
      const referred = headers.map(([name, header]) => [name, refer('headers', name, header)]);
      if (headers.length > 0) response.headers = Object.fromEntries(referred);
      if (Number(status) >= 300) operation.responses[status] = refer('responses', status, response);
    }
  }
  shared.components = { ...shared.components, ...components };
  return shared as T;
}

/** `query.created_at.gte`: component names have letters, digits, dots, hyphens and underscores (OpenAPI 3.1, 4.8.7). */
function nameOf({ in: place, name }: Part): string {
  return `${place}.${name}`.replaceAll(/[^\w.-]+/g, '.').replace(/\.$/, '');
}

/** The name itself where it is free or the same part's, and else with a digest of the part, which no other change moves. */
function nameIn(parts: Record<string, Part>, name: string, part: Part): string {
  const text = JSON.stringify(part);
  const isFree = parts[name] === undefined || JSON.stringify(parts[name]) === text;
  return isFree ? name : `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}
