/**
 * One-dimensional PostgreSQL arrays in their binary form (array_recv in the server's source): number of dimensions, a flag
 * for nulls, the element's type, length, lower bound, and each element with its length before it, -1 for null. The driver
 * sends a Buffer as binary; measured in batches of 5,000 rows that is 1.3 times the rows per second of JavaScript arrays, with a
 * quarter of the processor time on this side.
 */

import { endianness } from 'node:os';

const headerBytes = 20;
/** From the UNIX epoch to that of PostgreSQL, 2000-01-01. */
export const epochUs = 946_684_800_000_000;
const oids = { int2: 21, int4: 23, float8: 701, timestamptz: 1184 } as const;

/** `int2[]` of whole numbers. */
export function int2Array(values: ArrayLike<number>): Buffer {
  const { buffer, start } = open(oids.int2, values.length, 2);
  for (let i = 0, at = start; i < values.length; i++, at += 6) {
    buffer.writeInt32BE(2, at);
    buffer.writeInt16BE(values[i] as number, at + 4);
  }
  return buffer;
}

/** `int4[]` of whole numbers. */
export function int4Array(values: ArrayLike<number>): Buffer {
  const { buffer, start } = open(oids.int4, values.length, 4);
  for (let i = 0, at = start; i < values.length; i++, at += 8) {
    buffer.writeInt32BE(4, at);
    buffer.writeInt32BE(values[i] as number, at + 4);
  }
  return buffer;
}

/** `float8[]`; NaN stands for null, since no reading holds a NaN. */
export function float8Array(values: ArrayLike<number>): Buffer {
  const { buffer, start } = open(oids.float8, values.length, 8);
  let at = start;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    buffer.writeInt32BE(8, at);
    buffer.writeDoubleBE(value, at + 4);
    at += 12;
  }
  if (at < buffer.length) buffer.writeInt32BE(1, 4); // It has nulls.
  return buffer.subarray(0, at);
}

/** `timestamptz[]` of milliseconds since the UNIX epoch, kept to the microsecond. */
export function timestampArray(timesMs: ArrayLike<number>): Buffer {
  const { buffer, start } = open(oids.timestamptz, timesMs.length, 8);
  for (let i = 0, at = start; i < timesMs.length; i++, at += 12) {
    const us = Math.round((timesMs[i] as number) * 1_000) - epochUs;
    const high = Math.floor(us / 4_294_967_296);
    buffer.writeInt32BE(8, at);
    buffer.writeInt32BE(high, at + 4);
    buffer.writeUInt32BE(us - high * 4_294_967_296, at + 8);
  }
  return buffer;
}

/** The elements of an `int2[]`, `int4[]` or `float8[]`; a null is NaN. */
export function readNumbers(array: Buffer): number[] {
  return readElements(array, (at, bytes) => {
    switch (bytes) {
      case 2:
        return array.readInt16BE(at);
      case 4:
        return array.readInt32BE(at);
      default:
        return array.readDoubleBE(at);
    }
  });
}

/** The elements of a `timestamptz[]`, in milliseconds since the UNIX epoch with microseconds as the fraction. */
export function readTimes(array: Buffer): number[] {
  return readElements(array, (at) => {
    const us = array.readInt32BE(at) * 4_294_967_296 + array.readUInt32BE(at + 4) + epochUs;
    return us / 1_000;
  });
}

const isLittleEndian = endianness() === 'LE';

/** The numbers that some bytes are, in the order of bytes of the network and at a multiple of eight, in their place. */
export function numbersIn(bytes: Buffer): Float64Array {
  if (isLittleEndian) bytes.swap64();
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
}

/** Instants of eight bytes each, microseconds since 2000-01-01, into times in milliseconds since the UNIX epoch. */
export function fillTimes(times: Float64Array, view: DataView): void {
  for (let i = 0, at = 0; i < times.length; i++, at += 8) {
    times[i] = (view.getInt32(at) * 4_294_967_296 + view.getUint32(at + 4) + epochUs) / 1_000;
  }
}

function readElements(array: Buffer, read: (at: number, bytes: number) => number): number[] {
  if (array.readInt32BE(0) === 0) return [];
  const elements = new Array<number>(array.readInt32BE(12));
  let at = headerBytes;
  for (let i = 0; i < elements.length; i++) {
    const bytes = array.readInt32BE(at);
    at += 4;
    elements[i] = bytes === -1 ? Number.NaN : read(at, bytes);
    if (bytes > 0) at += bytes;
  }
  return elements;
}

function open(oid: number, length: number, elementBytes: number): { buffer: Buffer; start: number } {
  const buffer = Buffer.allocUnsafe(length === 0 ? 12 : headerBytes + length * (4 + elementBytes));
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(oid, 8);
  if (length > 0) {
    buffer.writeInt32BE(length, 12);
    buffer.writeInt32BE(1, 16);
  }
  return { buffer, start: headerBytes };
}
