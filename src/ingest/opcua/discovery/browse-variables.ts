/** What variables are: their attributes, their range and unit, and the parts of their values. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AttributeIds,
  coerceNodeId,
  DataTypeExtractStrategy,
  type DataValue,
  getExtraDataTypeManager,
  type NodeId,
  promoteOpaqueStructure,
  VariantArrayType,
} from 'node-opcua-client';
import type { Caller } from '../client/call.ts';
import { isUsable, type Services } from './browse-services.ts';
import { readTypes, typeText } from './browse-types.ts';
import { unitOf } from './engineering-unit.ts';
import { type Described, flatten, type TypeDefinition } from './flatten.ts';
import { cleanText, type FoundVariable } from './found-node.ts';

/** A variable to be looked at, and the properties that browsing has found below it. */
export type Variable = { readonly nodeId: NodeId; readonly rangeId: NodeId | null; readonly unitsId: NodeId | null };

const attributes = [
  AttributeIds.DataType,
  AttributeIds.ValueRank,
  AttributeIds.ArrayDimensions,
  AttributeIds.AccessLevel,
  AttributeIds.UserAccessLevel,
  AttributeIds.Description,
] as const;

/** AccessLevel (OPC 10000-3, 8.57). */
const currentRead = 1;
const historyRead = 4;
const structuresMsMax = 10_000;

type Facts = Omit<FoundVariable, 'fields' | 'problem' | 'dataType'> & { readonly described: Omit<Described, 'sample'> };

/** What the variables are, in their order. What a server leaves out is null, or taken as usual. Rejects as the link does. */
export async function readVariables(
  services: Services,
  variables: readonly Variable[],
  caller: Caller,
): Promise<FoundVariable[]> {
  const facts = await readFacts(services, variables);
  const types = await readTypes(services, new Set(facts.map(({ described }) => described.typeId)));
  const samples = await readSamples(services, { variables, facts, types, caller });
  return facts.map(({ described, ...fact }, at) => {
    const { fields, problem } = flatten({ ...described, sample: samples.get(at) }, types);
    const name = types.get(described.typeId)?.name ?? null;
    const isArray = described.valueRank >= 0;
    return { ...fact, dataType: name && (isArray ? `${name}[]` : name), fields, problem };
  });
}

async function readFacts(services: Services, variables: readonly Variable[]): Promise<Facts[]> {
  const value = AttributeIds.Value;
  const values = await services.read([
    ...variables.flatMap(({ nodeId }) => attributes.map((attributeId) => ({ nodeId, attributeId }))),
    ...variables.flatMap(({ rangeId, unitsId }) =>
      [rangeId, unitsId].flatMap((nodeId) => (nodeId ? [{ nodeId, attributeId: value }] : [])),
    ),
  ]);
  let next = variables.length * attributes.length;
  return variables.map(({ rangeId, unitsId }, at) => {
    const [type, rank, dimensions, level, userLevel, description] = values.slice(
      at * attributes.length,
      (at + 1) * attributes.length,
    );
    const range = rangeId ? rangeOf(valueIn(values[next++])) : null;
    const unit = unitsId ? unitIn(valueIn(values[next++])) : null;
    const [all, own] = [numberOr(level, null), numberOr(userLevel, null)];
    // Some servers leave UserAccessLevel at 0 for everybody, and some have neither: reading it will tell.
    const access = own || (all ?? currentRead);
    return {
      description: cleanText((valueIn(description) as { text?: unknown } | null)?.text, 500) || null,
      isReadable: (access & currentRead) !== 0,
      hasHistory: ((all ?? access) & historyRead) !== 0,
      unit,
      range,
      described: {
        typeId: typeIdOf(type),
        valueRank: numberOr(rank, -1),
        dimensions: lengthsOf(valueIn(dimensions)),
      },
    };
  });
}

type Sampling = {
  readonly variables: readonly Variable[];
  readonly facts: readonly Facts[];
  readonly types: ReadonlyMap<string, TypeDefinition>;
  readonly caller: Caller;
};

/** Values of those variables whose description leaves open how long they are. */
async function readSamples(
  services: Services,
  { variables, facts, types, caller }: Sampling,
): Promise<Map<number, unknown>> {
  const open = facts.flatMap(({ described, isReadable }, at) =>
    isReadable && isOpen(described, types) && services.msLeft() > 0 ? [at] : [],
  );
  if (open.length === 0) return new Map();
  const values = await services.read(
    open.map((at) => ({ nodeId: (variables[at] as Variable).nodeId, attributeId: AttributeIds.Value })),
  );
  const usable = values.filter(isUsable);
  if (usable.some(({ value }) => isStructure(value?.value))) {
    // Whatever keeps the library from decoding a structure leaves its lengths unknown, and no more.
    const decoded = decode(caller.session, usable).catch(() => {});
    const timer = new AbortController();
    const late = sleep(Math.min(structuresMsMax, services.msLeft()), undefined, { signal: timer.signal }).catch(
      () => {},
    );
    await Promise.race([decoded, late]);
    timer.abort();
  }
  return new Map(open.map((at, index) => [at, sampleOf(values[index])]));
}

/** Lazily: else the library asks for some four hundred types of the standard before it decodes the first structure. */
async function decode(session: Caller['session'], values: DataValue[]): Promise<void> {
  await getExtraDataTypeManager(session, DataTypeExtractStrategy.Lazy);
  await promoteOpaqueStructure(session, values);
}

/** Whether only a value tells how long an array is, that of the variable or one within its structure. */
function isOpen(
  { typeId, valueRank, dimensions }: Omit<Described, 'sample'>,
  types: ReadonlyMap<string, TypeDefinition>,
): boolean {
  const isUnknown = (rank: number, lengths: readonly number[]) =>
    rank !== -1 && (lengths.length === 0 || lengths.some((length) => length === 0));
  if (isUnknown(valueRank, dimensions)) return true;
  const seen = new Set<string>();
  const within = (id: string): boolean => {
    const type = types.get(id);
    if (type?.kind === 'opaque') return true;
    if (type?.kind !== 'structure' || seen.has(id)) return false;
    seen.add(id);
    return type.members.some((member) => isUnknown(member.valueRank, member.dimensions) || within(member.typeId));
  };
  return within(typeId);
}

function sampleOf(value: DataValue | undefined): unknown {
  if (!isUsable(value) || !value.value) return undefined;
  const { arrayType, dimensions, value: given } = value.value;
  const isMatrix = arrayType === VariantArrayType.Matrix && dimensions && dimensions.length > 0;
  return isMatrix ? { elements: given ?? [], dimensions } : (given ?? undefined);
}

function isStructure(given: unknown): boolean {
  const [first] = Array.isArray(given) ? given : [given];
  return typeof first === 'object' && first !== null && 'schema' in first;
}

function valueIn(value: DataValue | undefined): unknown {
  return isUsable(value) ? (value.value?.value ?? null) : null;
}

function numberOr<T>(value: DataValue | undefined, otherwise: T): number | T {
  const given = valueIn(value);
  return typeof given === 'number' ? given : otherwise;
}

function typeIdOf(value: DataValue | undefined): string {
  const given = valueIn(value) as NodeId | null;
  return typeText(given && typeof given === 'object' && 'identifierType' in given ? given : coerceNodeId('i=24'));
}

function lengthsOf(given: unknown): number[] {
  return Array.isArray(given) || ArrayBuffer.isView(given) ? Array.from(given as ArrayLike<number>, Number) : [];
}

function rangeOf(given: unknown): { low: number; high: number } | null {
  const { low, high } = (given ?? {}) as { low?: unknown; high?: unknown };
  if (typeof low !== 'number' || typeof high !== 'number') return null;
  // Many servers state 0 to 0, or all that a double can hold, where they know of none.
  return Number.isFinite(high - low) && low < high ? { low, high } : null;
}

function unitIn(given: unknown): string | null {
  if (typeof given !== 'object' || given === null || !('unitId' in given)) return null;
  const { namespaceUri, unitId, displayName, description } = given as {
    namespaceUri?: string | null;
    unitId: number;
    displayName?: { text?: string | null } | null;
    description?: { text?: string | null } | null;
  };
  return unitOf({
    namespaceUri: namespaceUri ?? null,
    unitId,
    displayName: displayName?.text ?? null,
    description: description?.text ?? null,
  });
}
