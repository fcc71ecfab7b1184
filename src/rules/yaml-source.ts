import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { errorAt, errorAtPath, type Path, type RuleError, type Source } from './rule-error.ts';
import { suggest } from './suggestion.ts';

/** A YAML text as far as it could be read: `isWhole` unless its syntax is broken. */
export type Parsed = { source: Source; errors: RuleError[]; isWhole: boolean };

/** Parses YAML, keeping what each value's place is. What YAML itself finds wrong comes back as errors. */
export function parseSource(file: string, text: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const source: Source = { file, text, document, lines };
  const errors = document.errors.map(({ message, pos, code }) => {
    const help = code === 'BLOCK_AS_IMPLICIT_KEY' ? "quote the expression: ': ' begins a mapping" : undefined;
    return errorAt(source, { code: code.toLowerCase(), message, help, start: pos[0], end: pos[1] });
  });
  visit(document, {
    Scalar(_, node) {
      if (node.tag?.startsWith('!') && node.range) errors.push(tagError(source, node.tag, node.range[0]));
    },
  });
  return { source, errors, isWhole: document.errors.length === 0 };
}

function tagError(source: Source, tag: string, valueStart: number): RuleError {
  const found = source.text.lastIndexOf(tag, valueStart);
  const start = found < 0 ? valueStart : found;
  const message = `YAML reads '${tag}' as a tag, not as part of the expression`;
  const help = `quote it, as in "${tag} ...", or put it on the next line after >-`;
  return errorAt(source, { code: 'yaml_tag', message, help, start, end: start + tag.length });
}

/**
 * Validates a document against its schema; every issue becomes an error at the value or key that it concerns. `rest` is what
 * remains when the offending parts are taken out and `defaults` fill what is missing, so that the checks that follow can go on
 * looking for mistakes; it is undefined when nothing sensible remains.
 */
export function validateSource<Schema extends z.ZodObject>(
  source: Source,
  schema: Schema,
  defaults: object = {},
): { value: z.infer<Schema> | undefined; rest: z.infer<Schema> | undefined; errors: RuleError[] } {
  const raw: unknown = source.document.toJS();
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { value: parsed.data, rest: parsed.data, errors: [] };
  const errors = parsed.error.issues.flatMap((issue) => errorsOfIssue(source, schema, issue));
  return { value: undefined, rest: salvage(schema, { ...defaults, ...(raw as object | null) }, defaults), errors };
}

function salvage<Schema extends z.ZodObject>(
  schema: Schema,
  raw: Record<string, unknown>,
  defaults: object,
): z.infer<Schema> | undefined {
  let rest = structuredClone(raw);
  for (let round = 0; round < 5; round++) {
    const parsed = schema.safeParse(rest);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      if (issue.code === 'unrecognized_keys') for (const key of issue.keys) take(rest, [...issue.path, key]);
      else take(rest, issue.path);
    }
    rest = { ...defaults, ...rest };
  }
  return undefined;
}

/** Takes out the value at a path; of a list the whole list, since its places have meanings. */
function take(root: Record<string, unknown>, path: Path): void {
  let parent: unknown = root;
  for (const [depth, key] of path.entries()) {
    const next: unknown = (parent as Record<PropertyKey, unknown> | undefined)?.[key];
    if (depth === path.length - 1 || Array.isArray(next) || typeof next !== 'object' || next === null) {
      delete (parent as Record<PropertyKey, unknown>)[key];
      return;
    }
    parent = next;
  }
}

function errorsOfIssue(source: Source, schema: z.ZodObject, issue: z.core.$ZodIssue): RuleError[] {
  const where = issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ` : '';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const known = keysAt(schema, issue.path);
      const help = suggest(key, known) ?? (known.length > 0 ? `there are ${known.join(', ')}` : undefined);
      return errorAtPath(
        source,
        [...issue.path, key],
        { code: 'unknown_key', message: `${where}unknown key '${key}'`, help },
        'key',
      );
    });
  }
  if (issue.code === 'invalid_key') {
    const message = `${where}${issue.issues[0]?.message ?? issue.message}`;
    return [errorAtPath(source, issue.path, { code: 'invalid_name', message }, 'key')];
  }
  if (issue.path.length > 0 && !hasValue(source, issue.path)) {
    const message = `${issue.path.map(String).join('.')} is missing`;
    return [
      errorAtPath(
        source,
        issue.path.slice(0, -1),
        { code: 'missing_key', message },
        issue.path.length > 1 ? 'key' : 'value',
      ),
    ];
  }
  if (issue.code === 'invalid_union')
    return [errorAtPath(source, issue.path, { code: 'invalid_value', message: `${where}${unionMessage(issue)}` })];
  const help = issue.code === 'invalid_value' ? suggestValue(source, issue) : undefined;
  return [errorAtPath(source, issue.path, { code: 'invalid_value', message: `${where}${issue.message}`, help })];
}

function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  const messages = issue.errors.flat().map(({ message }) => message);
  return messages.find((message) => !message.startsWith('Invalid')) ?? messages.join(', or ');
}

function suggestValue(source: Source, issue: z.core.$ZodIssueInvalidValue): string | undefined {
  const found = source.document.getIn(issue.path as string[]);
  return typeof found === 'string' ? suggest(found, issue.values.map(String)) : undefined;
}

function hasValue(source: Source, path: Path): boolean {
  const node = source.document.getIn(path as string[], true);
  return node !== undefined && !(isScalar(node) && node.value === null);
}

/** The keys that the schema has at a path, through optional parts, records and arrays. */
function keysAt(schema: z.ZodObject, path: Path): string[] {
  // Zod's definitions are a tree of plain objects; only the four kinds that rule files use are followed.
  type Definition = {
    shape?: Record<string, Schema>;
    valueType?: Schema;
    element?: Schema;
    innerType?: Schema;
    options?: Schema[];
  };
  type Schema = { def: Definition };
  let at: Schema | undefined = schema as unknown as Schema;
  for (const key of path) {
    at = unwrap(at);
    at = at?.def.shape?.[String(key)] ?? at?.def.valueType ?? at?.def.element;
  }
  return Object.keys(unwrap(at)?.def.shape ?? {});

  function unwrap(wrapped: Schema | undefined): Schema | undefined {
    let inner = wrapped;
    while (inner?.def.innerType || inner?.def.options)
      inner = inner.def.innerType ?? inner.def.options?.find(({ def }) => def.shape);
    return inner;
  }
}
