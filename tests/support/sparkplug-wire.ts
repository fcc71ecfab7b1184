/** An encoder of Sparkplug B that writes what a test says, right or wrong, by the field numbers of the specification. */
import protobuf from 'protobufjs';

/** A metric as it goes onto the wire: absent is absent. `value` names its field of the oneof. */
export type WireMetric = {
  readonly name?: string;
  readonly alias?: number | bigint;
  readonly at?: number;
  readonly datatype?: number;
  readonly isHistorical?: boolean;
  readonly isTransient?: boolean;
  readonly isNull?: boolean;
  readonly properties?: Readonly<Record<string, number | string>>;
  readonly int?: number;
  readonly long?: bigint;
  readonly float?: number;
  readonly double?: number;
  readonly boolean?: boolean;
  readonly string?: string;
  readonly bytes?: Uint8Array;
  readonly template?: { readonly isDefinition: boolean; readonly metrics: readonly WireMetric[] };
};

export type WirePayload = { readonly at?: number; readonly seq?: number; readonly metrics: readonly WireMetric[] };

/** The bytes of a payload, by the field numbers of the specification. */
export function encodeWire({ at, seq, metrics }: WirePayload): Buffer {
  const writer = protobuf.Writer.create();
  if (at !== undefined) writer.uint32(tag(1, 0)).uint64(at);
  for (const metric of metrics) writer.uint32(tag(2, 2)).bytes(encodeMetric(metric));
  if (seq !== undefined) writer.uint32(tag(3, 0)).uint64(seq);
  return Buffer.from(writer.finish());
}

function encodeMetric(metric: WireMetric): Uint8Array {
  const writer = protobuf.Writer.create();
  if (metric.name !== undefined) writer.uint32(tag(1, 2)).string(metric.name);
  if (metric.alias !== undefined) writer.uint32(tag(2, 0)).uint64(long(BigInt(metric.alias)));
  if (metric.at !== undefined) writer.uint32(tag(3, 0)).uint64(metric.at);
  if (metric.datatype !== undefined) writer.uint32(tag(4, 0)).uint32(metric.datatype);
  if (metric.isHistorical) writer.uint32(tag(5, 0)).bool(true);
  if (metric.isTransient) writer.uint32(tag(6, 0)).bool(true);
  if (metric.isNull) writer.uint32(tag(7, 0)).bool(true);
  if (metric.properties) writer.uint32(tag(9, 2)).bytes(encodeProperties(metric.properties));
  if (metric.int !== undefined) writer.uint32(tag(10, 0)).uint32(metric.int >>> 0);
  if (metric.long !== undefined) writer.uint32(tag(11, 0)).uint64(long(metric.long));
  if (metric.float !== undefined) writer.uint32(tag(12, 5)).float(metric.float);
  if (metric.double !== undefined) writer.uint32(tag(13, 1)).double(metric.double);
  if (metric.boolean !== undefined) writer.uint32(tag(14, 0)).bool(metric.boolean);
  if (metric.string !== undefined) writer.uint32(tag(15, 2)).string(metric.string);
  if (metric.bytes !== undefined) writer.uint32(tag(16, 2)).bytes(metric.bytes);
  if (metric.template !== undefined) writer.uint32(tag(18, 2)).bytes(encodeTemplate(metric.template));
  return writer.finish();
}

function encodeTemplate({ isDefinition, metrics }: NonNullable<WireMetric['template']>): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const metric of metrics) writer.uint32(tag(2, 2)).bytes(encodeMetric(metric));
  return writer.uint32(tag(5, 0)).bool(isDefinition).finish();
}

function encodeProperties(properties: Readonly<Record<string, number | string>>): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const key of Object.keys(properties)) writer.uint32(tag(1, 2)).string(key);
  for (const value of Object.values(properties)) {
    const one = protobuf.Writer.create();
    if (typeof value === 'number') one.uint32(tag(1, 0)).uint32(3).uint32(tag(3, 0)).uint32(value);
    else one.uint32(tag(1, 0)).uint32(12).uint32(tag(8, 2)).string(value);
    writer.uint32(tag(2, 2)).bytes(one.finish());
  }
  return writer.finish();
}

function tag(field: number, wireType: number): number {
  return field * 8 + wireType;
}

/** 64 bits, two's complement, as protobufjs takes them. */
function long(value: bigint): protobuf.Long {
  const bits = BigInt.asUintN(64, value);
  return { low: Number(bits & 0xffff_ffffn) | 0, high: Number(bits >> 32n) | 0, unsigned: true } as protobuf.Long;
}
