/**
 * What a metric's value is as a reading. Sparkplug B keeps every integer in an unsigned field, so that the sign is in the
 * datatype: an Int16 of -2 is 65534, or 4294967294 from an encoder that has sign-extended it. A double holds integers
 * up to 2^53 exactly; what is larger of an Int64, a UInt64 or a DateTime is the nearest double.
 */
import type { WireLong, WireValue } from './payload-schema.ts';

/** Numbers of the datatypes (Sparkplug B 3.0, 6.4.16). */
export const datatypes = {
  Int8: 1,
  Int16: 2,
  Int32: 3,
  Int64: 4,
  UInt8: 5,
  UInt16: 6,
  UInt32: 7,
  UInt64: 8,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  Text: 14,
  UUID: 15,
  DataSet: 16,
  Bytes: 17,
  File: 18,
  Template: 19,
  PropertySet: 20,
  PropertySetList: 21,
  Int8Array: 22,
  Int16Array: 23,
  Int32Array: 24,
  Int64Array: 25,
  UInt8Array: 26,
  UInt16Array: 27,
  UInt32Array: 28,
  UInt64Array: 29,
  FloatArray: 30,
  DoubleArray: 31,
  BooleanArray: 32,
  StringArray: 33,
  DateTimeArray: 34,
} as const;

const names = new Map<number, string>(Object.entries(datatypes).map(([name, number]) => [number, name]));

/** The name of a datatype, for a sentence. */
function datatypeName(datatype: number): string {
  return names.get(datatype) ?? `datatype ${datatype}`;
}

/** Whether metrics of the datatype can be readings: numbers, and texts that may name states. */
export function isScalar(datatype: number): boolean {
  return datatype >= datatypes.Int8 && datatype <= datatypes.UUID;
}

/** A number, a text as the name of a state, or why it is neither. */
export type MetricValue = number | string | { readonly unusable: string };

/** The value of a metric of that datatype. A number that is not finite comes as it is. */
export function metricValue(wire: WireValue, datatype: number): MetricValue {
  switch (datatype) {
    case datatypes.Int8:
      return signed(wire, { bits: 8, datatype });
    case datatypes.Int16:
      return signed(wire, { bits: 16, datatype });
    case datatypes.Int32:
      return signed(wire, { bits: 32, datatype });
    case datatypes.Int64:
      return integer(wire, true) ?? missing(datatype);
    case datatypes.UInt8:
      return unsigned(wire, { bits: 8, datatype });
    case datatypes.UInt16:
      return unsigned(wire, { bits: 16, datatype });
    case datatypes.UInt32:
      return unsigned(wire, { bits: 32, datatype });
    case datatypes.UInt64:
    case datatypes.DateTime:
      return integer(wire, false) ?? missing(datatype);
    case datatypes.Float:
    case datatypes.Double:
      return wire.doubleValue ?? wire.floatValue ?? missing(datatype);
    case datatypes.Boolean:
      return wire.booleanValue === undefined ? missing(datatype) : Number(wire.booleanValue);
    case datatypes.String:
    case datatypes.Text:
    case datatypes.UUID:
      return wire.stringValue ?? missing(datatype);
    default:
      return { unusable: `a value of ${datatypeName(datatype)} is no number` };
  }
}

/** The datatype that a value shows by itself: integers do not, since their sign is in the datatype. */
export function shownDatatype(wire: WireValue): number | undefined {
  if (wire.doubleValue !== undefined) return datatypes.Double;
  if (wire.floatValue !== undefined) return datatypes.Float;
  if (wire.booleanValue !== undefined) return datatypes.Boolean;
  if (wire.stringValue !== undefined) return datatypes.String;
  return undefined;
}

/** An alias, as a key: a number while that is exact. */
export type Alias = number | bigint;

/** An alias, a whole number of 64 bits without a sign: exact, so a bigint where a double is not (6.4.6). */
export function aliasOf({ high, low }: WireLong): Alias {
  const top = high >>> 0;
  if (top < 2 ** 21) return top * 2 ** 32 + (low >>> 0);
  return (BigInt(top) << 32n) | BigInt(low >>> 0);
}

/** 64 bits without a sign as the nearest double. */
export function unsignedLong({ high, low }: WireLong): number {
  return (high >>> 0) * 2 ** 32 + (low >>> 0);
}

type Width = { readonly bits: 8 | 16 | 32; readonly datatype: number };

function signed(wire: WireValue, { bits, datatype }: Width): MetricValue {
  const given = integer(wire, false);
  if (given === undefined) return missing(datatype);
  const low = wire.intValue ?? (wire.longValue as WireLong).low;
  const shift = 32 - bits;
  const value = (low << shift) >> shift;
  // Besides the bits themselves there is nothing, or the sign again in all that is before them.
  const isPlain = given < 2 ** bits;
  const isExtended = value < 0 && (given === 2 ** 32 + value || integer(wire, true) === value);
  return isPlain || isExtended ? value : outside(given, datatype);
}

function unsigned(wire: WireValue, { bits, datatype }: Width): MetricValue {
  const given = integer(wire, false);
  if (given === undefined) return missing(datatype);
  return given < 2 ** bits ? given : outside(given, datatype);
}

/** Of whichever integer field was used: encoders differ in which they take for a UInt32. */
function integer({ intValue, longValue }: WireValue, isSigned: boolean): number | undefined {
  if (longValue !== undefined) {
    const { high, low } = longValue;
    return isSigned ? (high | 0) * 2 ** 32 + (low >>> 0) : unsignedLong(longValue);
  }
  if (intValue === undefined) return undefined;
  return intValue >>> 0;
}

function missing(datatype: number): { unusable: string } {
  return { unusable: `there is no value of ${datatypeName(datatype)}` };
}

function outside(given: number, datatype: number): { unusable: string } {
  return { unusable: `${given} is no ${datatypeName(datatype)}` };
}
