/**
 * Data types as their server describes them: structures by their DataTypeDefinition, everything else by the built-in type that it is
 * derived from. A server that describes nothing of a type leaves it unknown, and then it is tried as it is.
 */
import { AttributeIds, coerceNodeId, NodeId } from 'node-opcua-client';
import { isUsable, type Services } from './browse-services.ts';
import type { Member, TypeDefinition } from './flatten.ts';
import { cleanText } from './found-node.ts';

/** Built-in types and their abstract parents, by identifier (OPC 10000-6, 5.1.2 and 10000-3, 8). */
const scalars = new Map(
  `1 Boolean|2 SByte|3 Byte|4 Int16|5 UInt16|6 Int32|7 UInt32|8 Int64|9 UInt64|10 Float|11 Double|12 String|13 DateTime|14 Guid
   19 StatusCode|20 QualifiedName|21 LocalizedText|26 Number|27 Integer|28 UInteger|29 Enumeration`
    .split(/[|\n]/)
    .map((entry) => entry.trim().split(' ') as [string, string]),
);
const unusable = new Map(
  '15 ByteString|16 XmlElement|17 NodeId|18 ExpandedNodeId|23 DataValue|25 DiagnosticInfo'
    .split('|')
    .map((entry) => entry.split(' ') as [string, string]),
);
const hasSubtype = 'i=45';
const roundsMax = 16;
const typesMax = 2_000;

type Look = {
  readonly name: string | null;
  readonly members: readonly Member[] | null;
  readonly isEnumeration: boolean;
  readonly parent: string | null;
};

/** The definitions of these types and of all that they are made of, by the texts of their node ids. Rejects as the link does. */
export async function readTypes(services: Services, typeIds: Iterable<string>): Promise<Map<string, TypeDefinition>> {
  const looks = new Map<string, Look>();
  const known = (id: string) => builtIn(id) !== undefined || looks.has(id);
  let next = [...new Set(typeIds)].filter((id) => !known(id));
  for (let round = 0; round < roundsMax && next.length > 0 && looks.size < typesMax; round++) {
    if (services.msLeft() <= 0) break;
    const found = await lookAt(services, next);
    for (const [id, look] of found) looks.set(id, look);
    const named = [...found.values()].flatMap(({ members, parent, isEnumeration }) => [
      ...(members ?? []).map(({ typeId }) => typeId),
      ...(members || isEnumeration || parent === null ? [] : [parent]),
    ]);
    next = [...new Set(named)].filter((id) => !known(id));
  }
  const types = new Map<string, TypeDefinition>();
  const all = [
    ...looks.keys(),
    ...typeIds,
    ...[...looks.values()].flatMap(({ members }) => (members ?? []).map((member) => member.typeId)),
  ];
  for (const id of all) types.set(id, defineType(id, looks));
  return types;
}

function builtIn(id: string): TypeDefinition | undefined {
  const number = /^(?:ns=0;)?i=(\d+)$/.exec(id)?.[1] ?? '';
  // BaseDataType: whatever the value is just now.
  if (number === '24') return { kind: 'scalar', name: null };
  if (number === '22') return { kind: 'opaque', name: 'Structure' };
  const scalar = scalars.get(number);
  if (scalar !== undefined) return { kind: 'scalar', name: scalar };
  const other = unusable.get(number);
  return other === undefined ? undefined : { kind: 'unusable', name: other };
}

function defineType(id: string, looks: ReadonlyMap<string, Look>): TypeDefinition {
  const own = looks.get(id);
  if (!own) return builtIn(id) ?? { kind: 'scalar', name: null };
  if (own.members) return { kind: 'structure', name: own.name, members: own.members };
  if (own.isEnumeration) return { kind: 'scalar', name: own.name };
  let ancestor = own.parent;
  for (let step = 0; ancestor !== null && step < roundsMax; step++) {
    const base = builtIn(ancestor);
    if (base) return { ...base, name: own.name };
    const look = looks.get(ancestor);
    if (look?.isEnumeration) return { kind: 'scalar', name: own.name };
    if (look?.members) return { kind: 'opaque', name: own.name };
    ancestor = look?.parent ?? null;
  }
  return { kind: 'scalar', name: own.name };
}

async function lookAt(services: Services, ids: readonly string[]): Promise<Map<string, Look>> {
  const nodeIds = ids.map((id) => coerceNodeId(id));
  const attributes = [AttributeIds.BrowseName, AttributeIds.DataTypeDefinition];
  const values = await services.read(
    nodeIds.flatMap((nodeId) => attributes.map((attributeId) => ({ nodeId, attributeId }))),
  );
  const parents = await services.browse(
    nodeIds.map((nodeId) => ({ nodeId, isInverse: true, referenceTypeId: hasSubtype })),
    10,
  );
  return new Map(
    ids.map((id, at) => {
      const [name, definition] = [values[at * 2], values[at * 2 + 1]];
      const browseName = isUsable(name) ? (name.value?.value as { name?: unknown } | null) : null;
      const described: unknown = isUsable(definition) ? definition.value?.value : null;
      const parent = parents[at]?.references.find(({ isForward }) => !isForward)?.nodeId;
      const look: Look = {
        name: cleanText(browseName?.name, 200) || null,
        members: membersOf(described),
        isEnumeration: described?.constructor.name === 'EnumDefinition',
        parent: parent ? typeText(parent) : null,
      };
      return [id, look];
    }),
  );
}

type StructureField = {
  readonly name?: string | null;
  readonly dataType: NodeId;
  readonly valueRank: number;
  readonly arrayDimensions?: ArrayLike<number> | null;
};

/** Null for what is no structure, or one of whose members nothing is said. */
function membersOf(described: unknown): readonly Member[] | null {
  if (described?.constructor.name !== 'StructureDefinition') return null;
  const { fields } = described as { fields?: readonly StructureField[] | null };
  if (!fields || fields.length === 0) return null;
  return fields.map(({ name, dataType, valueRank, arrayDimensions }) => ({
    name: name ?? '',
    typeId: typeText(dataType),
    // Some servers say 0 where they mean a scalar; no member of a structure may have any number of dimensions.
    valueRank: valueRank === 0 ? -1 : valueRank,
    dimensions: Array.from(arrayDimensions ?? []),
  }));
}

/** The text of a data type's node id, without what the library adds to expanded ones. */
export function typeText({ identifierType, value, namespace }: NodeId): string {
  return new NodeId(identifierType, value, namespace).toString();
}
