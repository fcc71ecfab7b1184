import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** An answer as it went out. */
export type Sent = {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
};

type Operation = { responses: Record<string, { content?: Record<string, { schema?: unknown }> }> };
type Document = { paths: Record<string, Record<string, Operation>> };

/**
 * Holds answers against an OpenAPI document: the status is documented, so is the media type, and the body is of its
 * schema. Returns what is wrong, in words; undefined for an answer that is as documented, or of no documented operation.
 */
export function createDocumentCheck(document: unknown): (sent: Sent) => string | undefined {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema({ ...(document as object), $id: 'openapi' });
  const compiled = new Map<string, ValidateFunction>();
  const { paths } = document as Document;
  const patterns = Object.entries(paths).map(([path, item]) => ({ path, item, matches: patternOf(path) }));
  return ({ method, path, status, contentType, body }) => {
    const found = patterns.find(({ matches, item }) => matches.test(path) && item[method.toLowerCase()]);
    if (!found) return undefined;
    const verb = method.toLowerCase();
    const response = found.item[verb]?.responses[String(status)];
    const place = `${method} ${found.path} → ${status}`;
    if (!response) return `${place} is not documented: ${body.slice(0, 300)}`;
    if (response.content === undefined) return body === '' ? undefined : `${place} has a body`;
    const mediaType = contentType?.split(';')[0] ?? '';
    if (response.content['*/*']) return undefined;
    if (response.content[mediaType] === undefined) return `${place} came as ${contentType}: ${body.slice(0, 300)}`;
    if (!/[/+]json$/.test(mediaType)) return undefined;
    const pointer = ['paths', found.path, verb, 'responses', String(status), 'content', mediaType, 'schema'];
    const ref = `openapi#/${pointer.map((step) => encodeURIComponent(escapeStep(step))).join('/')}`;
    const validate = compiled.get(ref) ?? ajv.compile({ $ref: ref });
    compiled.set(ref, validate);
    return validate(JSON.parse(body)) ? undefined : `${place}: ${ajv.errorsText(validate.errors)}`;
  };
}

function escapeStep(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}

function patternOf(path: string): RegExp {
  const steps = path
    .replace(/\/$/, '')
    .split('/')
    .map((step) => (step.startsWith('{') ? '[^/]+' : RegExp.escape(step)));
  return new RegExp(`^${steps.join('/')}/?$`);
}
