/**
 * Values on their way through the intake: a message's payload is `[[item, time in ms, value, status], …]`, so that a person
 * can read it in quarantine, and it can be read again.
 */
import { samplesMax, shorten, tooMany } from '../decode/sample.ts';
import { malformed, payloadBytesMax, type Rejection } from '../quarantine/quarantine.ts';
import type { Value } from './connection.ts';

/** Quarantine keeps a payload of this size whole; and as many values as a message may hold are more than fit. */
const payloadBytes = payloadBytesMax - 2;
/** A text that is longer is no state of a point. */
const textLengthMax = 1_000;

/**
 * Values as payloads of messages, in their order. Texts go apart from numbers: one that is none of its point's states puts
 * its message into quarantine, and with it all that is there.
 */
export function encodeValues(values: readonly Value[]): Buffer[] {
  const numbers = createWriter();
  const texts = createWriter();
  for (const one of values) (typeof one.value === 'string' ? texts : numbers).add(one);
  return [...numbers.end(), ...texts.end()];
}

function createWriter() {
  const payloads: Buffer[] = [];
  let rows: string[] = [];
  let bytes = 0;
  const cut = () => {
    if (rows.length > 0) payloads.push(Buffer.from(`[${rows.join(',')}]`));
    rows = [];
    bytes = 0;
  };
  return {
    add: ({ itemId, timeMs, value, status }: Value) => {
      const row = `[${itemId},${numberIn(timeMs)},${shown(value)},${status >>> 0}]`;
      const rowBytes = (typeof value === 'string' ? Buffer.byteLength(row) : row.length) + 1;
      if (bytes + rowBytes > payloadBytes) cut();
      bytes += rowBytes;
      rows.push(row);
    },
    end: () => {
      cut();
      return payloads;
    },
  };
}

function shown(value: Value['value']): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, textLengthMax).toWellFormed());
  return value === null ? 'null' : numberIn(value);
}

function numberIn(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

export type DecodedValues = { readonly values: readonly Value[]; readonly rejections: readonly Rejection[] };

/** The values of a payload, and what in it is none; total. */
export function decodeValues(payload: Buffer): DecodedValues {
  let given: unknown;
  try {
    given = JSON.parse(payload.toString('utf8'));
  } catch {
    return { values: [], rejections: [wrongForm] };
  }
  if (!Array.isArray(given)) return { values: [], rejections: [wrongForm] };
  if (given.length > samplesMax) return { values: [], rejections: [tooMany] };
  const values: Value[] = [];
  const wrong: unknown[] = [];
  for (const row of given as unknown[]) {
    const value = readRow(row);
    if (value) values.push(value);
    else wrong.push(row);
  }
  if (wrong.length === 0) return { values, rejections: [] };
  const seen = shorten(JSON.stringify(wrong[0]));
  return { values, rejections: [malformed(`${seen} is no [item, time in ms, value, status]`)] };
}

const wrongForm = malformed('the payload must be [[item, time in ms, value, status], …]');

function readRow(given: unknown): Value | undefined {
  if (!Array.isArray(given) || given.length !== 4) return undefined;
  const [itemId, timeMs, value, status] = given as unknown[];
  const isValue = value === null || typeof value === 'string' || Number.isFinite(value);
  const isStatus = Number.isInteger(status) && (status as number) >= 0 && (status as number) <= 0xffff_ffff;
  if (!Number.isSafeInteger(itemId) || !Number.isFinite(timeMs) || !isValue || !isStatus) return undefined;
  return {
    itemId: itemId as number,
    timeMs: timeMs as number,
    value: value as Value['value'],
    status: status as number,
  };
}
