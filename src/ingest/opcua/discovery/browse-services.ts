/**
 * Browse and Read for many nodes at once, within what the server takes: its limits where it states any, smaller requests where it
 * refuses large ones, continuation points followed to their end or given back.
 */
import {
  AttributeIds,
  BrowseDirection,
  BrowseNextRequest,
  type BrowseNextResponse,
  BrowseRequest,
  type BrowseResponse,
  coerceNodeId,
  type DataValue,
  type NodeId,
  ReadRequest,
  type ReadResponse,
  type ReferenceDescription,
  TimestampsToReturn,
} from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { statusOf } from '../client/trouble.ts';

export type Question = { readonly nodeId: NodeId; readonly isInverse?: boolean; readonly referenceTypeId?: string };

/** What a node refers to; `status` is the name of a StatusCode where the server answered with none of it, or not with all. */
export type Referred = {
  readonly references: readonly ReferenceDescription[];
  readonly status: string | null;
  /** There are more than were asked for. */
  readonly isCut: boolean;
};

export type Services = {
  browse(questions: readonly Question[], referencesMax: number): Promise<Referred[]>;
  /** A value of each; undefined where the server has none. Attributes are numbers of OPC 10000-4, 7.34. */
  read(wanted: readonly { nodeId: NodeId; attributeId: AttributeIds }[]): Promise<(DataValue | undefined)[]>;
  /** How long there is still time, in ms. */
  msLeft(): number;
  /** How many nodes one request may be about. */
  readonly nodesPerBrowse: number;
};

export const hierarchical = 'i=33';
const referencesPerAnswer = 1_000;
/** Beyond this an answer takes long to make, and nothing can be stopped meanwhile. */
const nodesPerBrowseMax = 100;
const valuesPerReadMax = 500;
const nodeClassesWanted = 1 + 2 + 128; // Object, Variable, View
/** Reference type, direction, node class, browse name and display name, but no type definition. */
const resultsWanted = 0b01_1111;
/** Answers that say that the request was too large, rather than wrong. */
const tooLarge = new Set([
  'BadTooManyOperations',
  'BadResponseTooLarge',
  'BadRequestTooLarge',
  'BadEncodingLimitsExceeded',
  'BadTcpMessageTooLarge',
  'BadOutOfMemory',
]);

/** Services whose requests end before `endMs`, on the clock of `performance.now`. Rejects as the link does. */
export async function openServices(caller: Caller, endMs: number): Promise<Services> {
  const msLeft = () => endMs - performance.now();
  const timeoutMs = () => Math.max(1_000, Math.min(20_000, msLeft()));
  const limits = await readLimits(caller, timeoutMs());
  const nodesPerBrowse = Math.min(limits.browse || nodesPerBrowseMax, nodesPerBrowseMax);
  const valuesPerRead = Math.min(limits.read || valuesPerReadMax, valuesPerReadMax);

  const browse: Services['browse'] = async (questions, referencesMax) => {
    const answers: Referred[] = [];
    for (let from = 0; from < questions.length; from += nodesPerBrowse) {
      const some = questions.slice(from, from + nodesPerBrowse);
      const got = await halving(some, (part) => browseOnce(caller, part, { referencesMax, timeoutMs }));
      // Servers have few continuation points: whoever got none is asked again by itself.
      for (const [at, answer] of got.entries()) {
        const isAlone = answer.status === 'BadNoContinuationPoints' && some.length > 1;
        const question = some[at] as Question;
        answers.push(
          isAlone ? ((await browseOnce(caller, [question], { referencesMax, timeoutMs }))[0] ?? answer) : answer,
        );
      }
    }
    return answers;
  };
  const read: Services['read'] = async (wanted) => {
    const values: (DataValue | undefined)[] = [];
    for (let from = 0; from < wanted.length; from += valuesPerRead) {
      values.push(
        ...(await halving(wanted.slice(from, from + valuesPerRead), (some) => readOnce(caller, some, timeoutMs()))),
      );
    }
    return values;
  };
  return { browse, read, msLeft, nodesPerBrowse };
}

/** Whether a status is good or uncertain, of which both have a value. */
export function isUsable(value: DataValue | undefined): value is DataValue {
  return value !== undefined && value.statusCode.value < 0x8000_0000;
}

/** Does work in halves where the whole is refused as too large; of one question alone the refusal is thrown. */
async function halving<Q, A>(questions: readonly Q[], work: (some: readonly Q[]) => Promise<A[]>): Promise<A[]> {
  try {
    return await work(questions);
  } catch (error) {
    if (questions.length < 2 || !tooLarge.has(statusOf(error) ?? '')) throw error;
    const middle = Math.ceil(questions.length / 2);
    return [...(await halving(questions.slice(0, middle), work)), ...(await halving(questions.slice(middle), work))];
  }
}

type Bounds = { readonly referencesMax: number; readonly timeoutMs: () => number };

async function browseOnce(
  caller: Caller,
  questions: readonly Question[],
  { referencesMax, timeoutMs }: Bounds,
): Promise<Referred[]> {
  const request = new BrowseRequest({
    requestedMaxReferencesPerNode: Math.min(referencesMax, referencesPerAnswer),
    nodesToBrowse: questions.map(({ nodeId, isInverse = false, referenceTypeId = hierarchical }) => ({
      nodeId,
      browseDirection: isInverse ? BrowseDirection.Inverse : BrowseDirection.Forward,
      referenceTypeId: coerceNodeId(referenceTypeId),
      includeSubtypes: true,
      nodeClassMask: isInverse ? 0 : nodeClassesWanted,
      resultMask: resultsWanted,
    })),
  });
  const { results } = await call<BrowseResponse>(caller, request, timeoutMs());
  const answers: Referred[] = [];
  for (const at of questions.keys()) {
    const result = results?.[at];
    const references = [...(result?.references ?? [])];
    const rest = await followPoint(caller, result?.continuationPoint, { references, referencesMax, timeoutMs });
    const status = result
      ? result.statusCode.value >= 0x8000_0000
        ? result.statusCode.name
        : rest.status
      : 'BadNoData';
    answers.push({ references, status, isCut: rest.isCut });
  }
  return answers;
}

type Following = Bounds & { readonly references: ReferenceDescription[] };

/** Fetches what a continuation point stands for; a point that is not followed to its end is given back to the server. */
async function followPoint(
  caller: Caller,
  given: Buffer | null | undefined,
  { references, referencesMax, timeoutMs }: Following,
): Promise<{ isCut: boolean; status: string | null }> {
  let point = given ?? null;
  while (point && point.length > 0) {
    const isCut = references.length >= referencesMax;
    const request = new BrowseNextRequest({ releaseContinuationPoints: isCut, continuationPoints: [point] });
    const { results } = await call<BrowseNextResponse>(caller, request, timeoutMs());
    if (isCut) return { isCut, status: null };
    const [result] = results ?? [];
    if (!result || result.statusCode.value >= 0x8000_0000) {
      return { isCut: false, status: result?.statusCode.name ?? 'BadNoData' };
    }
    // A server that gives nothing and a point again would be asked for ever.
    if ((result.references ?? []).length === 0 && (result.continuationPoint?.length ?? 0) > 0) {
      return { isCut: false, status: 'BadContinuationPointInvalid' };
    }
    for (const reference of result.references ?? []) references.push(reference);
    point = result.continuationPoint ?? null;
  }
  return { isCut: false, status: null };
}

async function readOnce(
  caller: Caller,
  wanted: readonly { nodeId: NodeId; attributeId: AttributeIds }[],
  timeoutMs: number,
): Promise<(DataValue | undefined)[]> {
  const request = new ReadRequest({
    maxAge: 0,
    timestampsToReturn: TimestampsToReturn.Neither,
    nodesToRead: [...wanted],
  });
  const { results } = await call<ReadResponse>(caller, request, timeoutMs);
  return wanted.map((_, at) => results?.[at]);
}

/** MaxNodesPerRead and MaxNodesPerBrowse of the OperationLimits (OPC 10000-5, 6.3.11); 0 where the server states none. */
async function readLimits(caller: Caller, timeoutMs: number): Promise<{ read: number; browse: number }> {
  const limits = ['i=11705', 'i=11710'].map((id) => ({
    nodeId: coerceNodeId(id),
    attributeId: AttributeIds.Value,
  }));
  const [read, browse] = (await readOnce(caller, limits, timeoutMs)).map((value) => {
    const limit: unknown = isUsable(value) ? value.value?.value : 0;
    return typeof limit === 'number' && limit > 0 ? limit : 0;
  });
  return { read: read ?? 0, browse: browse ?? 0 };
}
