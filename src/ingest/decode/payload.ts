/**
 * From bytes to text to JSON, for every form of payload: gzip is inflated, UTF-8 is checked, a byte order mark is dropped,
 * and nothing deeper than any form here is built.
 */
import { isUtf8 } from 'node:buffer';
import { malformed, type Rejection } from '../quarantine/quarantine.ts';
import { inflate, isGzip } from './inflate.ts';

export type Fields = Record<string, unknown>;

/** The text of a payload, without what surrounds it: spaces, a byte order mark, the NUL that ends a text in C. */
export function textOf(payload: Buffer): string | Rejection {
  if (isGzip(payload)) {
    const content = inflate(payload);
    if (!Buffer.isBuffer(content)) return content;
    return isGzip(content) ? malformed('a gzip payload may not hold another one') : plainTextOf(content);
  }
  return plainTextOf(payload);
}

function plainTextOf(payload: Buffer): string | Rejection {
  let end = payload.length;
  while (end > 0 && payload[end - 1] === 0) end--;
  if (isUtf16(payload)) return malformed('the payload is UTF-16; send UTF-8');
  const text = payload.toString('utf8', 0, end);
  // U+FFFD stands for bytes that are no UTF-8, unless it was sent as itself.
  if (text.includes('\ufffd') && !isUtf8(payload)) return malformed('the payload is not UTF-8');
  return text.trim();
}

/** By its byte order mark, or by a NUL beside its first character: every form here begins with one of ASCII. */
function isUtf16(payload: Buffer): boolean {
  const [first, second, third] = payload;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  if (payload.length < 2 || payload.length % 2 === 1) return false;
  return (first === 0 && second !== 0) || (first !== 0 && second === 0 && third !== 0 && third !== undefined);
}

const shallowCharacters = 1_024;
/** The forms of this program need four levels; devices that templates read may nest deeper. */
const depthMax = 32;

/** Undefined when a text is no JSON, or nested too deep: building half a million arrays would take 300 ms. */
export function parseJson(text: string): unknown {
  if (text.length > shallowCharacters && isDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  if (!/NaN|Infinity/.test(text)) return undefined;
  try {
    // Python's json writes these three words, which JSON does not have; a number that is none is null here.
    return JSON.parse(text.replace(/(?<=[[:,]\s{0,8})(NaN|-?Infinity)(?=\s{0,8}[\]},])/g, 'null'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return undefined;
  }
}

function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) inString = !inString;
    else if (code === 0x5c) i++;
    else if (!inString && (code === 0x5b || code === 0x7b)) {
      if (++depth > depthMax) return true;
    } else if (!inString && (code === 0x5d || code === 0x7d)) depth--;
  }
  return false;
}

/** Whether a text begins as an object, an array or a text of JSON does; all else is a bare value. */
export function looksLikeJson(text: string): boolean {
  const code = text.charCodeAt(0);
  return code === 0x7b || code === 0x5b || code === 0x22;
}

/** Whether a value of JSON is an object, which null and arrays are not. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
