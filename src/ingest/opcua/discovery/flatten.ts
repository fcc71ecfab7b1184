/**
 * A value's parts that may be points: all of a scalar, the elements of an array, the members of a structure, and what these make
 * together. The names of the parts are those by which an item reads them.
 */
import type { FoundField } from './found-node.ts';

/** A data type as its server describes it; those of members by their node ids. */
export type TypeDefinition =
  | { readonly kind: 'scalar'; readonly name: string | null }
  /** No number and no text, or nothing that anybody could tell of. */
  | { readonly kind: 'unusable'; readonly name: string | null }
  /** A structure of whose members its server says nothing: what a sample has decides. */
  | { readonly kind: 'opaque'; readonly name: string | null }
  | { readonly kind: 'structure'; readonly name: string | null; readonly members: readonly Member[] };

export type Member = {
  readonly name: string;
  readonly typeId: string;
  readonly valueRank: number;
  readonly dimensions: readonly number[];
};

/** What is known of a value: its type and rank, and one sample of it where its rank does not say how long it is. */
export type Described = {
  readonly typeId: string;
  readonly valueRank: number;
  readonly dimensions: readonly number[];
  readonly sample?: unknown;
};

export const flattenLimits = { depthMax: 6, elementsMax: 512, fieldsMax: 2_000 } as const;
/** Steps in all: arrays of structures that hold nothing but arrays of structures have no end and no parts. */
const stepsMax = 20_000;

export type Flattened = { readonly fields: readonly FoundField[]; readonly problem: string | null };

/** The parts of a value. Where there are none, or not all are named, the problem says why. */
export function flatten(value: Described, types: ReadonlyMap<string, TypeDefinition>): Flattened {
  const parts: Parts = { types, fields: [], problems: new Set(), steps: 0 };
  addValue(parts, value, { field: '', depth: 0 });
  const { fields, problems } = parts;
  if (isFull(parts)) problems.add(`only the first ${fields.length} parts are named`);
  return { fields, problem: problems.size === 0 ? null : sentenceOf([...problems]) };
}

type Parts = {
  readonly types: ReadonlyMap<string, TypeDefinition>;
  readonly fields: FoundField[];
  readonly problems: Set<string>;
  steps: number;
};
type At = { readonly field: string; readonly depth: number };

function isFull({ fields, steps }: Parts): boolean {
  return fields.length >= flattenLimits.fieldsMax || steps >= stepsMax;
}

/** A scalar, or each element of an array. */
function addValue(parts: Parts, described: Described, { field, depth }: At): void {
  const { elementsMax } = flattenLimits;
  const dimensions = dimensionsOf(described);
  if (dimensions === 'unknown') {
    const why = 'is an array whose length the server does not say, and it has no value to tell it';
    parts.problems.add(`${nameOf(field)} ${why}`);
    return;
  }
  if (dimensions.length === 0) {
    addOne(parts, described, { field, depth });
    return;
  }
  const count = dimensions.reduce((product, length) => product * length, 1);
  if (count > elementsMax) {
    parts.problems.add(`only the first ${elementsMax} of ${count} elements of ${nameOf(field)} are named`);
  }
  for (let at = 0; at < Math.min(count, elementsMax) && !isFull(parts); at++) {
    const sample = elementOf(described.sample, at);
    addOne(parts, { ...described, sample }, { field: `${field}[${indexesOf(at, dimensions).join(',')}]`, depth });
  }
}

function addOne(parts: Parts, { typeId, sample }: Described, { field, depth }: At): void {
  if (isFull(parts)) return;
  parts.steps++;
  const type = parts.types.get(typeId) ?? { kind: 'scalar', name: null };
  const name = type.name ?? 'that has no name';
  switch (type.kind) {
    case 'scalar':
      parts.fields.push({ field, dataType: type.name });
      return;
    case 'opaque': {
      const before = parts.fields.length;
      addSampled(parts, sample, { field, depth });
      if (parts.fields.length > before) return;
      parts.problems.add(`${nameOf(field)} is of the type ${name}, which the server does not describe`);
      return;
    }
    case 'unusable':
      parts.problems.add(`${nameOf(field)} is of the type ${name}, which is no number and no text`);
      return;
    case 'structure':
      if (depth >= flattenLimits.depthMax) {
        parts.problems.add(`${nameOf(field)} is nested deeper than ${flattenLimits.depthMax}`);
        return;
      }
      for (const member of type.members) {
        if (!memberName.test(member.name)) {
          parts.problems.add(`${nameOf(field)} has a member whose name no item can give`);
          continue;
        }
        const below = field === '' ? member.name : `${field}.${member.name}`;
        addValue(parts, { ...member, sample: memberOf(sample, member.name) }, { field: below, depth: depth + 1 });
      }
  }
}

/** What a sample of a structure has that nobody describes. */
function addSampled(parts: Parts, sample: unknown, { field, depth }: At): void {
  if (depth >= flattenLimits.depthMax) return;
  for (const [name, within] of membersIn(sample, field)) {
    if (isFull(parts)) return;
    parts.steps++;
    if (isScalar(within)) parts.fields.push({ field: name, dataType: null });
    else addSampled(parts, within, { field: name, depth: depth + 1 });
  }
}

/** None of a scalar. A rank of -2 or -3 leaves it open, and then the sample decides (OPC 10000-3, 5.6.2). */
function dimensionsOf({ valueRank, dimensions, sample }: Described): readonly number[] | 'unknown' {
  if (valueRank === -1) return [];
  if (dimensions.length > 0 && dimensions.every((length) => length > 0)) return dimensions;
  const measured = measure(sample);
  if (measured) return measured;
  return valueRank < 0 ? [] : 'unknown';
}

/** How long a sample is: a variant as the library decodes it, or the member of a structure. */
function measure(sample: unknown): readonly number[] | undefined {
  if (isMatrix(sample)) return sample.dimensions;
  return isArray(sample) ? [sample.length] : undefined;
}

/** A matrix of a variant comes as its elements in one row, beside its dimensions. */
type Matrix = { readonly elements: ArrayLike<unknown>; readonly dimensions: readonly number[] };

function isMatrix(sample: unknown): sample is Matrix {
  return typeof sample === 'object' && sample !== null && 'elements' in sample && 'dimensions' in sample;
}

function isArray(sample: unknown): sample is ArrayLike<unknown> & Iterable<unknown> {
  // A ByteString is one value, not an array of bytes.
  return Array.isArray(sample) || (ArrayBuffer.isView(sample) && !Buffer.isBuffer(sample));
}

function elementOf(sample: unknown, at: number): unknown {
  if (isMatrix(sample)) return sample.elements[at];
  return isArray(sample) ? sample[at] : undefined;
}

/** The library writes a structure's members with a small first letter. */
function memberOf(sample: unknown, name: string): unknown {
  if (typeof sample !== 'object' || sample === null) return undefined;
  const members = sample as Record<string, unknown>;
  return members[name] ?? members[`${name.charAt(0).toLowerCase()}${name.slice(1)}`];
}

/** The members of a decoded structure, or the elements of an array in one, by their fields. */
function membersIn(sample: unknown, field: string): (readonly [field: string, value: unknown])[] {
  if (isArray(sample)) {
    return Array.from(sample)
      .slice(0, flattenLimits.elementsMax)
      .map((element, at) => [`${field}[${at}]`, element] as const);
  }
  if (typeof sample !== 'object' || sample === null || Buffer.isBuffer(sample) || 'identifierType' in sample) return [];
  return Object.entries(sample)
    .filter(([name]) => memberName.test(name))
    .map(([name, value]) => [field === '' ? name : `${field}.${name}`, value] as const);
}

const memberName = /^[^.[\]\p{Cc}]{1,128}$/u;

function isScalar(value: unknown): boolean {
  if (['number', 'string', 'boolean'].includes(typeof value) || value instanceof Date) return true;
  return typeof value === 'object' && value !== null && 'text' in value && 'locale' in value;
}

function indexesOf(at: number, dimensions: readonly number[]): number[] {
  const indexes: number[] = [];
  let rest = at;
  for (const length of dimensions.toReversed()) {
    indexes.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return indexes;
}

const nameOf = (field: string) => (field === '' ? 'the value' : field);

const problemsShown = 3;

function sentenceOf(problems: readonly string[]): string {
  const more = problems.length > problemsShown ? `; and ${problems.length - problemsShown} more` : '';
  const text = problems.slice(0, problemsShown).join('; ') + more;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
