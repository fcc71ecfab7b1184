import { isCollection, isMap, isScalar, LineCounter, parseDocument, visit, YAMLParseError } from 'yaml';
import type { z } from 'zod';
import { errorAt, errorAtPath, type Path, type RuleError, type Source } from './rule-error.ts';
import { suggest } from './suggestion.ts';
import { repairLines } from './yaml-repair.ts';
import { depthMax, findComplexKey, isTooDeep } from './yaml-shape.ts';
import { findSyntaxErrors } from './yaml-syntax.ts';

/** A YAML text as far as it could be read: `isWhole` unless its syntax is so broken that nothing can be said of the rest. */
export type Parsed = { source: Source; errors: RuleError[]; isWhole: boolean };

/**
 * Parses YAML, keeping what each value's place is. What YAML itself finds wrong comes back as errors, each at its place; where the
 * text can be read around them, `isWhole` says so and the document lacks only what is wrong.
 */
export function parseSource(file: string, text: string): Parsed {
  if (text.length > textLengthMax)
    return refuse(file, `the file has ${text.length} characters, and may have ${textLengthMax}`);
  let source = readDocument(file, text, text, new Map());
  if (countAliases(source) > aliasesMax) return refuse(file, `the file has more than ${aliasesMax} aliases`);
  const errors = findSyntaxErrors(source);
  // Behind a mistake that throws the parser off there may be others, which show when it is repaired.
  for (let round = 0; isBroken(source); round++) {
    const isHopeless = source.document.errors.length > hopelessMin;
    if (round === repairsMax || isHopeless) return { source, errors, isWhole: false };
    const { text: repaired, shifts } = repairLines(text, new Map(errors.map(({ line, code }) => [line, code])));
    source = readDocument(file, repaired, text, shifts);
    const told = new Set(errors.map(({ line }) => line));
    errors.push(...findSyntaxErrors(source).filter(({ line }) => !told.has(line)));
  }
  if (!isMap(source.document.contents)) {
    const message = 'the file holds no mapping: a rule file begins with rule:, derived: or overrides:';
    if (errors.length === 0) errors.push(errorAt(source, { code: 'no_mapping', message, start: 0, end: 1 }));
    return { source, errors, isWhole: false };
  }
  return { source, errors, isWhole: true };
}

// With these the document is whole: a key that comes twice counts once, an escape stands for itself, a bracket is closed.
const harmless = new Set(['DUPLICATE_KEY', 'BAD_DQ_ESCAPE', 'BAD_INDENT', 'TAG_RESOLVE_FAILED']);

function readDocument(file: string, text: string, original: string, shifts: ReadonlyMap<number, number>): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  if (isTooDeep(document)) {
    const message = `values lie within each other more than ${depthMax} deep`;
    document.contents = null;
    document.errors = [new YAMLParseError([0, 1], 'RESOURCE_EXHAUSTION', message)];
    document.warnings = [];
  }
  visit(document, {
    // Of a key that comes twice the first one counts; the parser has noted the second.
    Map(_, node) {
      const seen = new Set<string>();
      node.items = node.items.filter(({ key }) => {
        if (isCollection(key)) return true;
        const name = String(isScalar(key) ? key.value : key);
        return !seen.has(name) && seen.add(name);
      });
    },
  });
  return {
    file,
    text,
    document,
    lines,
    ...(text !== original && { written: { lines: original.split('\n'), shifts } }),
  };
}

/** True where the document is not whole, or an alias in it stands for nothing. */
function isBroken({ document }: Source): boolean {
  let isLoose = document.errors.some(({ code }) => !harmless.has(code));
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document)) return undefined;
      isLoose = true;
      return visit.BREAK;
    },
  });
  return isLoose;
}

const textLengthMax = 100_000;

/** Each alias is looked up by a walk through the document. */
const aliasesMax = 100;

function countAliases({ document }: Source): number {
  let count = 0;
  visit(document, {
    Alias() {
      return ++count > aliasesMax ? visit.BREAK : undefined;
    },
  });
  return count;
}

function refuse(file: string, message: string): Parsed {
  const source = readDocument(file, '', '', new Map());
  return { source, errors: [errorAt(source, { code: 'limit_exceeded', message, start: 0, end: 1 })], isWhole: false };
}

/** So many mistakes of syntax, one behind the other, are looked for in a file. */
const repairsMax = 8;
/** From so many on nobody will repair it: each costs the parser a fraction of a millisecond, in each round. */
const hopelessMin = 1_000;

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
  const complex = findComplexKey(source);
  if (complex) return { value: undefined, rest: undefined, errors: [complex] };
  const lost = findLostKeys(source);
  const raw = toPlain(source);
  if (raw === undefined) {
    const message = 'its aliases make the file larger than can be read';
    const error = errorAt(source, { code: 'yaml_alias', message, start: 0, end: 1 });
    return { value: undefined, rest: undefined, errors: [error] };
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { value: lost.length > 0 ? undefined : parsed.data, rest: parsed.data, errors: lost };
  const errors = parsed.error.issues.flatMap((issue) => errorsOfIssue(source, schema, issue));
  const rest = salvage(schema, { ...defaults, ...(raw as object | null) }, defaults);
  return { value: undefined, rest, errors: [...lost, ...errors] };
}

/** Names that the schema passes over without a word. At the top of the file they are unknown keys. */
function findLostKeys(source: Source): RuleError[] {
  const errors: RuleError[] = [];
  visit(source.document, {
    Pair(_, { key }, ancestors) {
      if (!isScalar(key) || key.value !== '__proto__' || !key.range || ancestors.length <= 2) return;
      const message = "'__proto__' is a word of the language; choose another name";
      errors.push(errorAt(source, { code: 'reserved_name', message, start: key.range[0], end: key.range[1] }));
    },
  });
  return errors;
}

/** The document's values; undefined where aliases of aliases would make them more than a file should hold. */
function toPlain({ document }: Source): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
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

/** Takes out the value at a path; of a list that it is a place of the whole list, since its places have meanings. */
function take(root: Record<string, unknown>, path: Path): void {
  let parent: unknown = root;
  for (const [depth, key] of path.entries()) {
    const next: unknown = (parent as Record<PropertyKey, unknown> | undefined)?.[key];
    const isPlace = Array.isArray(next) && depth === path.length - 2;
    if (depth === path.length - 1 || isPlace || typeof next !== 'object' || next === null) {
      delete (parent as Record<PropertyKey, unknown>)[key];
      return;
    }
    parent = next;
  }
}

function errorsOfIssue(source: Source, schema: z.ZodObject, issue: z.core.$ZodIssue): RuleError[] {
  const where = issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ` : '';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, keysMax).map((key) => {
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
    const name = issue.path.map(String).join('.');
    if (source.document.hasIn(issue.path as string[]))
      return [errorAtPath(source, issue.path, { code: 'missing_value', message: `${name} has no value` }, 'key')];
    const message = `${name} is missing`;
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

/** So many unknown keys of one mapping are told. */
const keysMax = 50;

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
