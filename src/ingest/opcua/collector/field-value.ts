/**
 * The part of a value that is one point: all of a scalar, `[3]` of an array, `[1,2]` of a matrix, `Inlet.Temperature` of
 * a structure, and what these make together.
 */
import { DataType, VariantArrayType } from 'node-opcua-client';

/** What a variant is, as the library decodes it. */
export type AnyVariant = {
  readonly dataType: DataType;
  readonly arrayType?: VariantArrayType;
  readonly dimensions?: number[] | null;
  readonly value?: unknown;
};

/** No number and no text: why, in words for a person. */
export class Unreadable {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

/** Type and rank as one number, to notice that they have changed; -1 for what has no value. */
export function shapeOf(variant: AnyVariant | null): number {
  if (!variant || variant.dataType === DataType.Null) return -1;
  return variant.dataType * 4 + (variant.arrayType ?? VariantArrayType.Scalar);
}

/** "Double", or "Double[]". */
export function describeShape(shape: number): string {
  if (shape < 0) return 'none';
  const name = DataType[Math.floor(shape / 4)] ?? 'unknown';
  return shape % 4 === VariantArrayType.Scalar ? name : `${name}[]`;
}

/** The value of a field as a number or a text; null where there is none, or where it is no finite number. */
export function readField(variant: AnyVariant | null, field: string): number | string | null | Unreadable {
  if (!variant || variant.dataType === DataType.Null) return null;
  if (field === '' && (variant.arrayType ?? VariantArrayType.Scalar) === VariantArrayType.Scalar) {
    const value = variant.value;
    if (typeof value === 'number') return Number.isFinite(value) ? value : null;
    return scalarOf(value, variant.dataType);
  }
  if (field === '') return new Unreadable('The value is an array: the item must name an element of it, such as [0].');
  return follow(variant, stepsOf(field));
}

type Step = string | readonly number[];

const stepsByField = new Map<string, readonly Step[]>();
const fieldsMax = 10_000;

/** The steps of a path, kept: there are few paths and many values. */
function stepsOf(field: string): readonly Step[] {
  const known = stepsByField.get(field);
  if (known) return known;
  const steps = [...field.matchAll(/\[(\d+(?:\s*,\s*\d+)*)\]|([^.[\]]+)/g)].map(
    ([, indexes, name]): Step => (indexes === undefined ? (name ?? '') : indexes.split(',').map(Number)),
  );
  if (stepsByField.size >= fieldsMax) stepsByField.clear();
  stepsByField.set(field, steps);
  return steps;
}

function follow(variant: AnyVariant, steps: readonly Step[]): number | string | null | Unreadable {
  let value: unknown = variant.value;
  let dataType: DataType | null = variant.dataType;
  let dimensions = variant.dimensions ?? null;
  for (const step of steps) {
    if (value === null || value === undefined) return null;
    const next: unknown = typeof step === 'string' ? memberOf(value, step) : elementOf(value, step, dimensions);
    if (next instanceof Unreadable) return next;
    if (isVariant(next)) {
      value = next.value;
      dataType = next.dataType;
      dimensions = next.dimensions ?? null;
      continue;
    }
    // Members of a structure carry no type of their own: only an element of an array has the array's.
    if (typeof step === 'string') dataType = null;
    dimensions = null;
    value = next;
  }
  return scalarOf(value, dataType);
}

/** The library writes a structure's fields with a small first letter. */
function memberOf(value: unknown, name: string): unknown {
  const object = value as Record<string, unknown>;
  if (typeof value === 'object' && name in object) return object[name];
  const lower = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
  if (typeof value === 'object' && lower in object) return object[lower];
  return new Unreadable(`The value has no field "${name}".`);
}

function elementOf(value: unknown, indexes: readonly number[], dimensions: readonly number[] | null): unknown {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return new Unreadable('The value is no array.');
  const elements = value as ArrayLike<unknown>;
  let index = indexes[0] ?? 0;
  if (dimensions && dimensions.length === indexes.length) {
    if (indexes.some((at, rank) => at >= (dimensions[rank] ?? 0)))
      return new Unreadable('The matrix has no such element.');
    index = indexes.reduce((flat, at, rank) => flat * (dimensions[rank] ?? 1) + at, 0);
  } else if (indexes.length > 1) {
    return new Unreadable(`The value has no ${indexes.length} dimensions.`);
  }
  return index < elements.length ? elements[index] : new Unreadable(`The array has no element ${index}.`);
}

function isVariant(value: unknown): value is AnyVariant {
  return typeof value === 'object' && value !== null && 'dataType' in value && 'arrayType' in value;
}

function scalarOf(value: unknown, dataType: DataType | null): number | string | null | Unreadable {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (dataType === DataType.Int64 || dataType === DataType.UInt64 || (dataType === null && isPair(value))) {
    return wideNumberOf(value as readonly [number, number], dataType);
  }
  if (typeof value === 'object') return textOf(value as Record<string, unknown>, dataType);
  return new Unreadable('The value is no scalar.');
}

/** The library gives integers of 64 bits as their upper and lower half; beyond 2^53 the last digits are lost. */
function wideNumberOf([high, low]: readonly [number, number], dataType: DataType | null): number {
  const isNegative = dataType !== DataType.UInt64 && high >= 0x8000_0000;
  return (isNegative ? high - 0x1_0000_0000 : high) * 0x1_0000_0000 + (low >>> 0);
}

const isPair = (value: unknown) =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'number' && typeof value[1] === 'number';

/** LocalizedText, QualifiedName, StatusCode and NodeId have one text or number each. */
function textOf(value: Record<string, unknown>, dataType: DataType | null): number | string | null | Unreadable {
  if (dataType === DataType.LocalizedText || 'text' in value) return (value.text as string | null) ?? null;
  if (dataType === DataType.QualifiedName) return (value.name as string | null) ?? null;
  if (dataType === DataType.StatusCode) return value.value as number;
  if (dataType === DataType.NodeId || dataType === DataType.ExpandedNodeId) return String(value);
  return new Unreadable('The value is no scalar: the item must name a field of it.');
}
