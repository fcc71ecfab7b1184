/** Gives on what was read: gaps first, then the values, and what there is to tell of the items. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClientSession,
  DataType,
  DataTypeExtractStrategy,
  extractDataValueToPromote,
  getExtraDataTypeManager,
  populateDataTypeManager,
  promoteOpaqueStructure,
} from 'node-opcua-client';
import type { FoundGap, GapReason } from '../connection.ts';
import type { CollectorPort } from './port.ts';
import type { Sample } from './sample.ts';
import { readBatch, summarizeGaps } from './values.ts';
import type { Watch, Watches } from './watches.ts';

export type Delivery = {
  /** Resolves when the values are given on; `committed` when they are kept. */
  give(samples: readonly Sample[], said: Said): Promise<{ readonly committed: Promise<void> | undefined }>;
  /** From the last message on, samples of all items may be missing; the next message ends that. */
  miss(reason: GapReason): void;
  recordGaps(gaps: readonly FoundGap[]): Promise<void>;
  /** Until when, by the server's clock, all has been given on; null before the first message. */
  throughMs(): number | null;
};

export type Said = {
  /** When the server said it, by its clock. */
  readonly publishedMs: number;
  /** With this, all that the server had to tell until then has been given on. */
  readonly throughMs: number;
  /** Asked what the structures among the samples mean. */
  readonly session: ClientSession | null;
};

const recordingRetryMs = 1_000;
/** Values wait for no longer for the types of structures among them. */
const typesMsMax = 5_000;

export function createDelivery(
  watches: Watches,
  port: CollectorPort,
  closing: AbortSignal,
  tell: { changed(watches: readonly Watch[]): void; gone(watches: readonly Watch[]): void },
): Delivery {
  let lastThroughMs: number | null = null;
  let missing: { readonly fromMs: number; readonly reason: GapReason } | null = null;

  /** What comes after a gap waits until the gap is recorded. */
  const recordGap = async (gap: FoundGap) => {
    while (true) {
      closing.throwIfAborted();
      try {
        return await port.recordGap(gap);
      } catch {
        await sleep(recordingRetryMs, undefined, { signal: closing });
      }
    }
  };
  const recordGaps = async (gaps: readonly FoundGap[]) => {
    for (const gap of summarizeGaps(gaps)) await recordGap(gap);
  };
  return {
    recordGaps,
    throughMs: () => lastThroughMs,
    miss: (reason) => {
      if (lastThroughMs !== null) missing ??= { fromMs: lastThroughMs, reason };
    },
    give: async (samples, { publishedMs, throughMs, session }) => {
      if (session && samples.some(isStructure)) await readStructures(samples, session);
      if (missing && samples.length > 0) {
        await recordGap({ itemId: null, ...missing, toMs: Math.max(missing.fromMs, publishedMs) });
        missing = null;
      }
      const batch = readBatch(samples, watches, publishedMs);
      if (batch.gaps.length > 0) await recordGaps(batch.gaps);
      if (batch.changed.length > 0) tell.changed(batch.changed);
      if (batch.gone.length > 0) tell.gone(batch.gone);
      // A keep-alive is an empty batch: it says that there was nothing until then, unless a gap is still to be recorded.
      const isNothing = batch.values.length === 0 && (samples.length > 0 || missing !== null);
      if (isNothing) return { committed: undefined };
      lastThroughMs = Math.max(lastThroughMs ?? 0, throughMs);
      return { committed: port.deliver(batch.values, lastThroughMs) ?? undefined };
    },
  };
}

const isStructure = ({ variant }: Sample) => variant?.dataType === DataType.ExtensionObject;

/**
 * A structure comes as bytes; the server's own types, asked for one by one as they are met, say what they mean. Whatever
 * is still bytes then is asked for in the way of older servers, who describe all of their types at once.
 */
async function readStructures(samples: readonly Sample[], session: ClientSession): Promise<void> {
  const values = samples.flatMap(({ variant }) => (variant ? [{ value: variant }] : []));
  const typed = session as ClientSession & { olderTypes?: Promise<unknown> };
  try {
    await getExtraDataTypeManager(session, DataTypeExtractStrategy.Lazy);
    await promoteOpaqueStructure(session, values);
    if (extractDataValueToPromote(values).length === 0) return;
    typed.olderTypes ??= askForAllTypes(session);
    await Promise.race([typed.olderTypes, sleep(typesMsMax, undefined, { ref: false })]);
    await promoteOpaqueStructure(session, values);
  } catch {
    // Where a server does not describe its types, the item says that it cannot be read.
  }
}

async function askForAllTypes(session: ClientSession): Promise<void> {
  const manager = await getExtraDataTypeManager(session, DataTypeExtractStrategy.Lazy);
  await populateDataTypeManager(session, manager, DataTypeExtractStrategy.Auto).catch(() => {});
}
