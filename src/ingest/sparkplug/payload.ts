/**
 * A Sparkplug B payload becomes metrics: total, and against a budget. Whatever a device sends gives metrics or a reason;
 * nothing throws. A megabyte may say that it holds half a million metrics, templates within templates, or four gigabytes
 * when it is unpacked: the first part over a limit ends the reading.
 */
import { unzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import type { Quality } from '../../assets/quality.ts';
import { inflatedBytesMax, isGzip } from '../decode/inflate.ts';
import { readQuality } from '../decode/quality.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { type Alias, aliasOf, datatypes, metricValue, unsignedLong } from './metric-value.ts';
import {
  decodeMetric,
  decodePropertySet,
  encodePayload,
  payloadFields,
  templateFields,
  type WireMetric,
  type WireValue,
} from './payload-schema.ts';

/** A metric as sent; what is absent has to be known from its birth. */
export type Metric = {
  readonly name: string | undefined;
  readonly alias: Alias | undefined;
  /** Milliseconds since the epoch. */
  readonly timeMs: number | undefined;
  readonly datatype: number | undefined;
  readonly isHistorical: boolean;
  readonly isTransient: boolean;
  readonly isNull: boolean;
  readonly quality: Quality;
  readonly unit: string | undefined;
  readonly value: WireValue;
  /** The members of a template's instance, whose names begin with its own; absent for anything else. */
  readonly members: readonly Metric[] | undefined;
};

export type SparkplugPayload = {
  readonly timeMs: number | undefined;
  readonly seq: number | undefined;
  readonly metrics: readonly Metric[];
};

export const metricsMax = 10_000;
const templateDepthMax = 8;
/** Properties of all metrics together. */
const propertiesMax = 50_000;
const propertiesBytesMax = 65_536;
/** The uuid of a payload whose body is another payload, packed by GZIP or DEFLATE (Eclipse Tahu). */
const compressed = 'SPBV1.0_COMPRESSED';

/** Reads a payload of whatever type but STATE. */
export function decodePayload(payload: Buffer): SparkplugPayload | Rejection {
  try {
    const outer = readEnvelope(unpackWhole(payload));
    if (outer.uuid !== compressed) return metricsOf(outer);
    const inner = readEnvelope(unpack(outer.body ?? Buffer.alloc(0)));
    return metricsOf({ ...inner, seq: inner.seq ?? outer.seq, timeMs: inner.timeMs ?? outer.timeMs });
  } catch (cause) {
    if (cause instanceof PayloadTooLarge) return { reason: 'too_many_readings', detail: cause.message };
    return { reason: 'malformed', detail: `this is no Sparkplug B payload: ${(cause as Error).message}` };
  }
}

/** Where a payload stands in the order of its edge node, without reading its metrics; nothing where it cannot be told. */
export function peekPayload(payload: Buffer): Pick<SparkplugPayload, 'seq' | 'timeMs'> {
  try {
    const outer = readEnvelope(unpackWhole(payload));
    if (outer.uuid !== compressed || outer.seq !== undefined) return { seq: outer.seq, timeMs: outer.timeMs };
    const inner = readEnvelope(unpack(outer.body ?? Buffer.alloc(0)));
    return { seq: inner.seq, timeMs: inner.timeMs ?? outer.timeMs };
  } catch {
    return { seq: undefined, timeMs: undefined }; // It has no place; reading it tells why.
  }
}

/** The request that an edge node sends its births again (tck-id-operational-behavior-data-commands-ncmd-rebirth-name). */
export function encodeRebirth(nowMs: number): Buffer {
  const rebirth = { name: rebirthMetric, timestamp: nowMs, datatype: datatypes.Boolean, booleanValue: true };
  return encodePayload({ timestamp: nowMs, metrics: [rebirth] });
}

/** The number of the session that a node's birth and death say; null where it is absent or none. */
export function bdSeqOf(metrics: readonly Metric[]): number | null {
  const metric = metrics.find(({ name }) => name === 'bdSeq');
  const value = metric && metricValue(metric.value, metric.datatype ?? datatypes.UInt64);
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : null;
}

const rebirthMetric = 'Node Control/Rebirth';

class PayloadTooLarge extends Error {
  override readonly name = 'PayloadTooLarge';
}

type Envelope = {
  timeMs: number | undefined;
  seq: number | undefined;
  uuid: string | undefined;
  body: Buffer | undefined;
  /** Metrics as they are, not decoded. */
  metrics: Buffer[];
};

/** Finds the parts of a payload; throws when it is none, or holds too many metrics. */
function readEnvelope(payload: Buffer): Envelope {
  const envelope: Envelope = { timeMs: undefined, seq: undefined, uuid: undefined, body: undefined, metrics: [] };
  eachField(payload, (field, reader) => {
    switch (field) {
      case payloadFields.timestamp:
        envelope.timeMs = unsignedLong(reader.uint64() as never);
        return true;
      case payloadFields.metrics:
        if (envelope.metrics.length >= metricsMax) throw tooMany();
        envelope.metrics.push(reader.bytes() as Buffer);
        return true;
      case payloadFields.seq:
        envelope.seq = sequenceOf(unsignedLong(reader.uint64() as never));
        return true;
      case payloadFields.uuid:
        envelope.uuid = reader.string();
        return true;
      case payloadFields.body:
        envelope.body = reader.bytes() as Buffer;
        return true;
    }
    return false;
  });
  return envelope;
}

/** [tck-id-payloads-sequence-num-req-nbirth]: 0 to 255; another number says nothing about the order. */
function sequenceOf(given: number): number | undefined {
  return given <= 255 ? given : undefined;
}

function eachField(bytes: Buffer, take: (field: number, reader: protobuf.Reader) => boolean): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 0) throw new Error('a field has the number 0');
    const isLengthOrVarint = (tag & 7) === 2 || (tag & 7) === 0;
    if (!isLengthOrVarint || !take(tag >>> 3, reader)) reader.skipType(tag & 7);
  }
}

type Budget = { metricsLeft: number; propertiesLeft: number };

function metricsOf({ timeMs, seq, metrics }: Envelope): SparkplugPayload {
  const budget = { metricsLeft: metricsMax, propertiesLeft: propertiesMax };
  return { timeMs, seq, metrics: metrics.map((bytes) => readMetric(bytes, { budget, depth: 0 })) };
}

type Within = { readonly budget: Budget; readonly depth: number };

function readMetric(bytes: Buffer, { budget, depth }: Within): Metric {
  if (budget.metricsLeft-- <= 0) throw tooMany();
  const wire = decodeMetric(bytes);
  const said = propertiesOf(wire, budget);
  return {
    name: wire.name,
    alias: wire.alias && aliasOf(wire.alias),
    timeMs: wire.timestamp && unsignedLong(wire.timestamp),
    // Some encoders write 0, Unknown, where they mean nothing.
    datatype: wire.datatype || undefined,
    isHistorical: wire.isHistorical === true,
    isTransient: wire.isTransient === true,
    isNull: wire.isNull === true,
    ...said,
    value: wire,
    members: wire.templateValue && membersOf(wire.templateValue, { budget, depth: depth + 1 }),
  };
}

/** The metrics of a template's instance; a definition has none, since what it holds is no data. */
function membersOf(template: Buffer, { budget, depth }: Within): Metric[] {
  if (depth > templateDepthMax) throw new PayloadTooLarge(`templates may lie ${templateDepthMax} deep in each other`);
  const found: Buffer[] = [];
  let isDefinition = false;
  eachField(template, (field, reader) => {
    if (field === templateFields.metrics) {
      if (found.length >= budget.metricsLeft) throw tooMany();
      found.push(reader.bytes() as Buffer);
    } else if (field === templateFields.isDefinition) isDefinition = reader.bool();
    else return false;
    return true;
  });
  return isDefinition ? [] : found.map((bytes) => readMetric(bytes, { budget, depth }));
}

type Said = Pick<Metric, 'quality' | 'unit'>;

const unitKeys: ReadonlySet<string> = new Set([
  'engunit',
  'engunits',
  'engineeringunit',
  'engineeringunits',
  'unit',
  'units',
]);

function propertiesOf({ properties }: WireMetric, budget: Budget): Said {
  let [quality, unit]: [Quality, string | undefined] = ['good', undefined];
  if (properties === undefined) return { quality, unit };
  if (properties.length > propertiesBytesMax) {
    throw new PayloadTooLarge(`the properties of a metric may have ${propertiesBytesMax} bytes`);
  }
  const { keys = [], values = [] } = decodePropertySet(properties);
  budget.propertiesLeft -= Math.max(keys.length, values.length);
  if (budget.propertiesLeft < 0) throw new PayloadTooLarge(`a message may hold ${propertiesMax} properties at most`);
  for (const [i, key] of keys.entries()) {
    const value = values[i];
    const plain = key.toLowerCase().replace(/[ _]/g, '');
    if (plain === 'quality' && value) quality = qualityOf(value);
    else if (unitKeys.has(plain) && value?.stringValue) unit = value.stringValue.trim().slice(0, 32);
  }
  return { quality, unit: unit === '' ? undefined : unit };
}

/** 192 is good, 0 bad, 500 stale (6.4.9). A code that is none of quality is bad: who marks a value means something by it. */
function qualityOf({ intValue, longValue }: WireValue): Quality {
  const quality = readQuality(intValue ?? (longValue && unsignedLong(longValue)));
  return typeof quality === 'string' ? quality : 'bad';
}

/** A payload that is packed as it is: no protobuf begins with these bytes, since no field has this type. */
function unpackWhole(payload: Buffer): Buffer {
  return isGzip(payload) ? unpack(payload) : payload;
}

function unpack(packed: Buffer): Buffer {
  try {
    return unzipSync(packed, { maxOutputLength: inflatedBytesMax });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw cause;
    throw new PayloadTooLarge(`a payload may have ${inflatedBytesMax} bytes when it is unpacked`, { cause });
  }
}

function tooMany(): PayloadTooLarge {
  return new PayloadTooLarge(`a message may hold ${metricsMax} metrics at most`);
}
