/** One value to one node, in the type that the node has. */
import { AttributeIds, DataType, type DataValue, StatusCodes, Variant, VariantArrayType } from 'node-opcua-client';
import type { ConnectionSpec, NodeKey } from '../connection.ts';
import { nodeIdOf } from '../node-key.ts';
import { openSession } from './open-client.ts';
import type { Application, Trust } from './trust.ts';

export type ScalarValue = number | boolean | string;

/** What came of a write; `status` is the name of the server's StatusCode, null where it was never asked. */
export type WriteOutcome = {
  readonly isWritten: boolean;
  readonly status: string | null;
  readonly detail: string | null;
  /** What the node had before. */
  readonly previous: ScalarValue | null;
};

const integers: Partial<Record<DataType, readonly [number, number]>> = {
  [DataType.SByte]: [-128, 127],
  [DataType.Byte]: [0, 255],
  [DataType.Int16]: [-32_768, 32_767],
  [DataType.UInt16]: [0, 65_535],
  [DataType.Int32]: [-2_147_483_648, 2_147_483_647],
  [DataType.UInt32]: [0, 4_294_967_295],
};

/** Writes in a session of its own. Throws a TroubleError where there is none to be had; what the server refuses is an outcome. */
export async function writeNode(
  spec: ConnectionSpec,
  { node, value }: { readonly node: NodeKey; readonly value: ScalarValue },
  means: { readonly application: Application; readonly trust: Trust },
): Promise<WriteOutcome> {
  const opened = await openSession(spec, means);
  try {
    const nodeId = nodeIdOf(node, opened.namespaces);
    if (nodeId === undefined) return refused('BadNodeIdUnknown', `the server has no namespace of ${node}`, null);
    const before = await opened.session.read({ nodeId, attributeId: AttributeIds.Value });
    const previous = scalarOf(before);
    const found = variantOf(before.value, value);
    if (typeof found === 'string')
      return refused(before.statusCode.isGood() ? null : before.statusCode.name, found, previous);
    const status = await opened.session.write({ nodeId, attributeId: AttributeIds.Value, value: { value: found } });
    if (status.isGood()) return { isWritten: true, status: status.name, detail: null, previous };
    return refused(status.name, `the server refused it: ${status.description}`, previous);
  } finally {
    await opened.close();
  }
}

function refused(status: string | null, detail: string, previous: ScalarValue | null): WriteOutcome {
  return { isWritten: false, status: status ?? StatusCodes.BadTypeMismatch.name, detail, previous };
}

function scalarOf({ value }: DataValue): ScalarValue | null {
  const held: unknown = value?.arrayType === VariantArrayType.Scalar ? value.value : null;
  if (typeof held === 'number') return Number.isFinite(held) ? held : null;
  return typeof held === 'boolean' || typeof held === 'string' ? held : null;
}

/** The value in the type that the node has now; a sentence where it cannot be. */
function variantOf(now: Variant | undefined, value: ScalarValue): Variant | string {
  if (!now || now.dataType === DataType.Null) return 'the node has no value, so its type is not known';
  if (now.arrayType !== VariantArrayType.Scalar) return 'the node has an array; only single values are written';
  const { dataType } = now;
  const range = integers[dataType];
  const name = DataType[dataType];
  if (range) {
    const [min, max] = range;
    const isFit = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return isFit ? new Variant({ dataType, value }) : `the node is ${name}: a whole number from ${min} to ${max}`;
  }
  switch (dataType) {
    case DataType.Double:
    case DataType.Float:
      return typeof value === 'number' ? new Variant({ dataType, value }) : `the node is ${name}: a number`;
    case DataType.Boolean:
      return typeof value === 'boolean' ? new Variant({ dataType, value }) : 'the node is Boolean: true or false';
    case DataType.String:
      return typeof value === 'string' ? new Variant({ dataType, value }) : 'the node is String: a text';
    default:
      return `the node is ${name}; numbers up to 32 bits, Boolean and String are written`;
  }
}
