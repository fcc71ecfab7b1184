/** A payload read by a template: pure and total, like every other form (src/ingest/decode/decode.ts). */
import { bareValue } from '../decode/bare.ts';
import { isObject, parseJson, textOf } from '../decode/payload.ts';
import {
  collectAssets,
  type DecodedAssets,
  type Found,
  plainStamp,
  sampleOf,
  samplesMax,
  stampOf,
  tooMany,
  whollyRefused,
} from '../decode/sample.ts';
import type { Arrived } from '../decode/sample-time.ts';
import { malformed, type Rejection } from '../quarantine/quarantine.ts';
import type { CompiledPointers, TemplateMatch } from './compile.ts';
import { followPointer, type Pointer } from './pointer.ts';

/** Reads a payload by the template that its topic matches. */
export function decodeTemplate(
  { template, captures }: TemplateMatch,
  payload: Buffer,
  arrived: Arrived,
): DecodedAssets {
  const text = textOf(payload);
  if (typeof text !== 'string') return whollyRefused(text);
  const { asset = '', point = '' } = captures;
  switch (template.format) {
    case 'number': {
      const value = bareValue(text);
      if (typeof value === 'string') return whollyRefused(malformed('the payload must be a number, true or false'));
      return collectAssets(new Map([[asset, [sampleOf(point, value, plainStamp(arrived))]]]));
    }
    case 'text':
      if (text === '') return whollyRefused(malformed('the payload must be a text'));
      return collectAssets(new Map([[asset, [sampleOf(point, text, plainStamp(arrived))]]]));
    case 'json':
      return readDocument(parseJson(text), { pointers: template.pointers, captures, arrived });
  }
}

type Reading = {
  readonly pointers: CompiledPointers;
  readonly captures: TemplateMatch['captures'];
  readonly arrived: Arrived;
};

function readDocument(document: unknown, reading: Reading): DecodedAssets {
  if (document === undefined) return whollyRefused(malformed('the payload must be JSON'));
  const { items: place } = reading.pointers;
  const items = place ? followPointer(document, place) : [document];
  if (!Array.isArray(items)) return whollyRefused(malformed(`there must be an array at ${show(place)}`));
  if (items.length === 0) return whollyRefused(malformed(`the array at ${show(place)} is empty`));
  if (items.length > samplesMax) return whollyRefused(tooMany);
  const found = new Map<string, Found[]>();
  let count = 0;
  for (const item of items) {
    const { asset, ofItem } = readItem(item, document, reading);
    count += ofItem.length;
    if (count > samplesMax) return whollyRefused(tooMany);
    const known = found.get(asset);
    if (known) known.push(...ofItem);
    else found.set(asset, [...ofItem]);
  }
  return collectAssets(found);
}

function readItem(item: unknown, document: unknown, reading: Reading): { asset: string; ofItem: readonly Found[] } {
  const { pointers, captures, arrived } = reading;
  const around = (place: Pointer | undefined) =>
    place && (followPointer(item, place) ?? (item === document ? undefined : followPointer(document, place)));
  const asset = captures.asset ?? nameAt(around(pointers.asset));
  if (asset === undefined) return { asset: '', ofItem: [malformed(`no asset is named at ${show(pointers.asset)}`)] };
  const stamp = stampOf(around(pointers.time), around(pointers.quality), arrived);
  const values = valuesOf(item, reading);
  if ('reason' in values) return { asset, ofItem: [values] };
  return { asset, ofItem: values.map(([point, value]) => sampleOf(point, value, stamp)) };
}

function valuesOf(item: unknown, { pointers, captures }: Reading): (readonly [string, unknown])[] | Rejection {
  const { value, values, point: place } = pointers;
  if (value) {
    const found = followPointer(item, value);
    if (found === undefined) return malformed(`there is no value at ${show(value)}`);
    const point = captures.point ?? nameAt(place && followPointer(item, place));
    return point === undefined ? malformed(`no point is named at ${show(place)}`) : [[point, found]];
  }
  const named = values ?? [];
  if (isNamed(named)) {
    const found = named.flatMap(([point, pointer]) => {
      const one = followPointer(item, pointer);
      return one === undefined ? [] : [[point, one] as const];
    });
    return found.length > 0
      ? found
      : malformed(
          `there is no value at ${named
            .map(([, pointer]) => show(pointer))
            .slice(0, 5)
            .join(', ')}`,
        );
  }
  const object = followPointer(item, named);
  if (!isObject(object)) return malformed(`there must be an object of values at ${show(named)}`);
  const names = Object.keys(object);
  if (names.length === 0) return malformed(`the object of values at ${show(named)} is empty`);
  if (names.length > samplesMax) return tooMany;
  return names.map((name) => [name, object[name]] as const);
}

function isNamed(values: NonNullable<CompiledPointers['values']>): values is readonly (readonly [string, Pointer])[] {
  return typeof values[0] === 'object';
}

/** Names may be numbers; whatever a name is, only one that a topic could hold makes an asset or a point. */
function nameAt(found: unknown): string | undefined {
  if (typeof found === 'number') return String(found);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

function show(pointer: Pointer | undefined): string {
  const text = (pointer ?? []).map((step) => `/${step}`).join('');
  return text === '' ? 'the root of the payload' : text.slice(0, 80);
}
