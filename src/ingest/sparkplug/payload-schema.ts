/**
 * The wire format of Sparkplug B, version 3.0, chapter 6.4.1: which field has which number and type. Parts that are read
 * only when they are wanted, or never, are left as their bytes, so that nobody makes us build what nobody looks at:
 * each metric, the properties of one, and a template are decoded one by one against a budget (payload.ts); data sets and
 * metadata hold no number and stay closed.
 */
import protobuf from 'protobufjs';

type Field = { readonly type: string; readonly id: number; readonly rule?: 'repeated' };
type Fields = Readonly<Record<string, Field>>;

const metric: Fields = {
  name: { type: 'string', id: 1 },
  alias: { type: 'uint64', id: 2 },
  timestamp: { type: 'uint64', id: 3 },
  datatype: { type: 'uint32', id: 4 },
  isHistorical: { type: 'bool', id: 5 },
  isTransient: { type: 'bool', id: 6 },
  isNull: { type: 'bool', id: 7 },
  metadata: { type: 'bytes', id: 8 },
  properties: { type: 'bytes', id: 9 },
  intValue: { type: 'uint32', id: 10 },
  longValue: { type: 'uint64', id: 11 },
  floatValue: { type: 'float', id: 12 },
  doubleValue: { type: 'double', id: 13 },
  booleanValue: { type: 'bool', id: 14 },
  stringValue: { type: 'string', id: 15 },
  bytesValue: { type: 'bytes', id: 16 },
  datasetValue: { type: 'bytes', id: 17 },
  templateValue: { type: 'bytes', id: 18 },
};

const propertyValue: Fields = {
  type: { type: 'uint32', id: 1 },
  isNull: { type: 'bool', id: 2 },
  intValue: { type: 'uint32', id: 3 },
  longValue: { type: 'uint64', id: 4 },
  floatValue: { type: 'float', id: 5 },
  doubleValue: { type: 'double', id: 6 },
  booleanValue: { type: 'bool', id: 7 },
  stringValue: { type: 'string', id: 8 },
};

/** Absent and zero are not the same, and texts need not be UTF-8: what protobufjs takes for granted is version 3. */
const edition = 'proto2';
const root = protobuf.Root.fromJSON({
  nested: {
    Metric: { edition, fields: metric },
    PropertyValue: { edition, fields: propertyValue },
    PropertySet: {
      edition,
      fields: {
        keys: { rule: 'repeated', type: 'string', id: 1 },
        values: { rule: 'repeated', type: 'PropertyValue', id: 2 },
      },
    },
    Payload: {
      edition,
      fields: {
        timestamp: { type: 'uint64', id: 1 },
        metrics: { rule: 'repeated', type: 'Metric', id: 2 },
        seq: { type: 'uint64', id: 3 },
      },
    },
  },
});

/** Fields of Payload and Template by which their parts are found without building them. */
export const payloadFields = { timestamp: 1, metrics: 2, seq: 3, uuid: 4, body: 5 } as const;
export const templateFields = { metrics: 2, isDefinition: 5 } as const;

/** 64 bits in two halves, as protobufjs gives them. */
export type WireLong = { readonly low: number; readonly high: number };

/** A metric as it was sent: what was absent is absent. */
export type WireMetric = {
  readonly name?: string;
  readonly alias?: WireLong;
  readonly timestamp?: WireLong;
  readonly datatype?: number;
  readonly isHistorical?: boolean;
  readonly isTransient?: boolean;
  readonly isNull?: boolean;
  readonly properties?: Buffer;
} & WireValue;

/** One of these is there, or none where the metric is null. */
export type WireValue = {
  readonly intValue?: number;
  readonly longValue?: WireLong;
  readonly floatValue?: number;
  readonly doubleValue?: number;
  readonly booleanValue?: boolean;
  readonly stringValue?: string;
  readonly bytesValue?: Buffer;
  readonly datasetValue?: Buffer;
  readonly templateValue?: Buffer;
};

type PropertySet = { readonly keys?: readonly string[]; readonly values?: readonly WireValue[] };

const types = {
  metric: root.lookupType('Metric'),
  propertySet: root.lookupType('PropertySet'),
  payload: root.lookupType('Payload'),
};

/** Decodes one metric; throws an Error where the bytes are none. */
export function decodeMetric(bytes: Uint8Array): WireMetric {
  return ownFields(types.metric.decode(bytes)) as WireMetric;
}

/** Decodes the properties of a metric; throws an Error where the bytes are none. */
export function decodePropertySet(bytes: Uint8Array): PropertySet {
  return types.propertySet.decode(bytes) as unknown as PropertySet;
}

/** Encodes a payload of metrics with their names, for commands. */
export function encodePayload(payload: {
  timestamp: number;
  metrics: readonly { name: string; timestamp: number; datatype: number; booleanValue: boolean }[];
}): Buffer {
  return Buffer.from(types.payload.encode(types.payload.fromObject(payload)).finish());
}

/** Without the defaults that protobufjs gives through the prototype: absent and zero are not the same here. */
function ownFields(message: object): object {
  return Object.assign(Object.create(null), message);
}
