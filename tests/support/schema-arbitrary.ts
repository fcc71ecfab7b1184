/** Random values from the JSON schemas of the OpenAPI document: such as it allows, and such as it does not. */
import fc from 'fast-check';

export type JsonSchema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
};

/** What no schema asks for, and programs stumble over. */
export const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    ' ',
    '\0',
    '\ud800',
    'x'.repeat(3_000),
    -1,
    0.5,
    1e308,
    '9999-12-31T23:59:59Z',
    [],
    {},
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 2 }),
);

export type Values = {
  /** Resolves a reference within the document. */
  readonly resolve: (reference: string) => JsonSchema;
  /** Values that exist, such as ids, for properties that may be texts. */
  readonly known: readonly string[];
};

/** A value that the schema allows, as far as types, bounds and formats go. */
export function allowedBy(schema: JsonSchema, values: Values, depth = 0): fc.Arbitrary<unknown> {
  const { $ref } = schema;
  if ($ref !== undefined) return onDemand(() => allowedBy(values.resolve($ref), values, depth));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return fc.constantFrom(...branches).chain((branch) => allowedBy(branch, values, depth));
  if (schema.allOf !== undefined)
    return fc
      .tuple(...schema.allOf.map((part) => allowedBy(part, values, depth)))
      .map((parts) => Object.assign({}, ...parts));
  const types = [schema.type ?? []].flat();
  if (types.length > 1) return fc.oneof(...types.map((type) => ofType(type, schema, values, depth)));
  return ofType(types[0], schema, values, depth);
}

/** Schemas refer to one another, and to themselves: what is never drawn is never made. */
function onDemand<T>(make: () => fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.constant(undefined).chain(make);
}

function ofType(type: string | undefined, schema: JsonSchema, values: Values, depth: number): fc.Arbitrary<unknown> {
  const { minimum: min = -1_000, maximum: max = Math.max(min, 100_000) } = schema;
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: Math.ceil(min), max: Math.floor(max) });
    case 'number':
      return fc.double({ min, max, noNaN: true });
    case 'string':
      return textOf(schema, values);
    case 'array':
      return depth > 3 ? fc.constant([]) : fc.array(allowedBy(schema.items ?? {}, values, depth + 1), { maxLength: 3 });
    case 'object':
      return objectOf(schema, values, depth);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function textOf(
  { format, pattern, minLength = 0, maxLength = minLength + 12 }: JsonSchema,
  { known }: Values,
): fc.Arbitrary<string> {
  const instants = fc.date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true });
  if (format === 'date-time') return instants.map((date) => date.toISOString());
  if (format === 'date') return instants.map((date) => date.toISOString().slice(0, 10));
  const text = fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 12) });
  const existing = known.length === 0 ? text : fc.constantFrom(...known);
  if (format === 'uuid' || format === 'guid') return fc.oneof(existing, fc.uuid());
  const own = (pattern && matchingText(pattern)) || text;
  return fc.oneof({ weight: 2, arbitrary: own }, existing);
}

const matching = new Map<string, fc.Arbitrary<string> | undefined>();

/** Texts of a pattern; undefined where it has classes of so many characters that going over them takes seconds. */
function matchingText(pattern: string): fc.Arbitrary<string> | undefined {
  if (!matching.has(pattern)) {
    const isVast = /\\[pPDWS]|\[\^|\(\?[!<=]/.test(pattern);
    matching.set(pattern, isVast ? undefined : fc.stringMatching(new RegExp(pattern, 'u')));
  }
  return matching.get(pattern);
}

function objectOf(
  { properties = {}, required = [], additionalProperties }: JsonSchema,
  values: Values,
  depth: number,
): fc.Arbitrary<unknown> {
  if (depth > 4) return fc.constant({});
  const own = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, allowedBy(schema, values, depth + 1)]),
  );
  const record = fc.record(own, { requiredKeys: required.filter((name) => name in own) });
  // Of many properties few at a time, or one that does not fit the others would spoil nearly every object.
  const few = fc
    .tuple(record, fc.subarray(Object.keys(own), { maxLength: Math.min(4, Object.keys(own).length) }))
    .map(([all, kept]) =>
      Object.fromEntries(
        Object.entries(all as object).filter(([name]) => required.includes(name) || kept.includes(name)),
      ),
    );
  if (additionalProperties === undefined || typeof additionalProperties === 'boolean') return few;
  const others = fc.dictionary(fc.string({ maxLength: 8 }), allowedBy(additionalProperties, values, depth + 1), {
    maxKeys: 3,
  });
  return fc.tuple(others, few).map(([more, fixed]) => Object.assign({}, more, fixed));
}

/** The value with one part of it replaced by junk, or junk altogether. */
export function spoiled(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(value, junk, fc.nat()).map(([given, put, at]) => {
    if (given === null || typeof given !== 'object' || Array.isArray(given)) return put;
    const names = Object.keys(given);
    const name = names[at % (names.length + 1)] ?? 'nothing_of_the_kind';
    return { ...given, [name]: put };
  });
}
