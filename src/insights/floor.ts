/**
 * Open insights for screens and panels on the floor: for each asset one retained message under `insights/{site}/{asset}`,
 * the JSON list of what is open there; when nothing is open any more, the retained message is cleared.
 *
 *   database ─twice a second─▶ what is open ─compared with what was published last─▶ publish what differs
 *
 * It compares whole states and follows no changes: whoever opened an insight, in whichever process, in a transaction that
 * took however long, is seen at the next look, and nothing has to be remembered over a restart.
 */
import { createHash } from 'node:crypto';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import type { Log } from '../platform/log.ts';
import { pause } from '../platform/pause.ts';
import { type FloorAsset, type FloorInsight, listFloorInsights, listFormerAssets } from './floor-store.ts';

/** Publishes to the devices of one tenant; an empty retained payload clears. */
export type PublishToFloor = (
  tenantId: string,
  message: { topic: string; payload: Buffer; qos: 1; retain: true },
) => Promise<void>;

export type FloorOptions = {
  readonly db: Db;
  readonly publish: PublishToFloor;
  /** Whether the broker keeps what is retained when this program ends, so that it may hold what is open no more. */
  readonly isKept: boolean;
  readonly log: Log;
};

export type Floor = {
  /** Publishes everything again: the broker may have forgotten it. */
  republish(): void;
  /** Publishes nothing more; what is retained stays, as the insights do. */
  close(): Promise<void>;
};

const lookMs = 500;
/** Reading what is open takes at most this part of the time, however much it is. */
const shareMax = 0.1;
const insightsMax = 20_000;
const formerAssetsMax = 10_000;
/** Brokers take twenty unacknowledged messages and more. */
const atOnceMax = 10;
/** Other detectors write pages; a panel shows the beginning. */
const messageMax = 1_000;
const nothing = Buffer.alloc(0);

/** What is retained at the broker, as far as we know: by tenant and topic, the digest of the list, '' where it is unknown. */
type Retained = Map<string, { readonly tenantId: string; readonly topic: string; digest: string }>;
type Due = { readonly tenantId: string; readonly topic: string; readonly payload: Buffer };

/** Starts to publish, everything at first. */
export function startFloor(options: FloorOptions): Floor {
  const { log } = options;
  const closing = new AbortController();
  const retained: Retained = new Map();
  let isAllUnknown = true;
  let failures = 0;

  const look = async () => {
    if (isAllUnknown) await forget(retained, options);
    isAllUnknown = false;
    const open = await listFloorInsights(options.db, insightsMax);
    if (open.length === insightsMax)
      log.warn({ insights: insightsMax }, 'more insights are open than are published to the floor');
    await publishChanges(open, { retained, publish: options.publish, signal: closing.signal });
    if (failures > 1) log.info('open insights are published to the floor again');
    failures = 0;
  };

  const running = (async () => {
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      await look().catch((error: unknown) => {
        failures++;
        // The first look may come before an external broker has answered.
        if (failures === 2) log.warn({ err: error }, 'open insights cannot be published to the floor; trying again');
      });
      const tookMs = performance.now() - startedAt;
      await pause(Math.max(lookMs, tookMs / shareMax), closing.signal);
    }
  })();

  return {
    republish: () => {
      isAllUnknown = true;
    },
    close: () => {
      closing.abort();
      return running;
    },
  };
}

/** The topic of an asset. Its name may hold what means something in topics; that is written as in URLs (RFC 3986, 2.1). */
function floorTopic({ site, asset }: Pick<FloorAsset, 'site' | 'asset'>): string {
  return `insights/${site}/${asset.replace(/[%+#/]|\p{Cc}/gu, encodeURIComponent)}`;
}

/** The broker may hold anything under the topics that we know, and, if it is not ours, under those of ended insights. */
async function forget(retained: Retained, { db, isKept }: FloorOptions): Promise<void> {
  for (const known of retained.values()) known.digest = '';
  const former = isKept ? await listFormerAssets(db, formerAssetsMax) : [];
  for (const asset of former) {
    const { tenantId } = asset;
    const topic = floorTopic(asset);
    retained.set(keyOf({ tenantId, topic }), { tenantId, topic, digest: '' });
  }
}

type Publishing = { readonly retained: Retained; readonly publish: PublishToFloor; readonly signal: AbortSignal };

async function publishChanges(open: readonly FloorInsight[], { retained, publish, signal }: Publishing): Promise<void> {
  const due = [...listDue(open, retained)];
  for (let from = 0; from < due.length && !signal.aborted; from += atOnceMax) {
    const publishing = due.slice(from, from + atOnceMax).map(async ({ tenantId, topic, payload }) => {
      const key = keyOf({ tenantId, topic });
      // What comes to nothing may have come to the broker all the same.
      retained.set(key, { tenantId, topic, digest: '' });
      await publish(tenantId, { topic, payload, qos: 1, retain: true });
      if (payload.length === 0) retained.delete(key);
      else retained.set(key, { tenantId, topic, digest: digestOf(payload) });
    });
    const failed = (await Promise.allSettled(publishing)).find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

function* listDue(open: readonly FloorInsight[], retained: Retained): Generator<Due> {
  const current = new Set<string>();
  for (const insights of byAsset(open)) {
    const [{ tenantId }] = insights;
    const topic = floorTopic(insights[0]);
    const payload = Buffer.from(JSON.stringify(insights.map(shownOf)));
    const key = keyOf({ tenantId, topic });
    current.add(key);
    if (retained.get(key)?.digest !== digestOf(payload)) yield { tenantId, topic, payload };
  }
  for (const [key, { tenantId, topic }] of retained) {
    if (!current.has(key)) yield { tenantId, topic, payload: nothing };
  }
}

type OfOneAsset = [FloorInsight, ...FloorInsight[]];

/** The insights come sorted by their assets. */
function* byAsset(open: readonly FloorInsight[]): Generator<OfOneAsset> {
  let gathered: OfOneAsset | undefined;
  for (const insight of open) {
    const [first] = gathered ?? [];
    const isSame = first?.tenantId === insight.tenantId && first.site === insight.site && first.asset === insight.asset;
    if (gathered && isSame) gathered.push(insight);
    else {
      if (gathered) yield gathered;
      gathered = [insight];
    }
  }
  if (gathered) yield gathered;
}

function shownOf({ id, ruleId, title, severity, status, openedAt, message, workOrder }: FloorInsight) {
  const said = message.slice(0, messageMax);
  return {
    id,
    rule: ruleId,
    title,
    severity,
    status,
    opened_at: formatInstant(openedAt),
    message: said,
    work_order: workOrder,
  };
}

function keyOf({ tenantId, topic }: { tenantId: string; topic: string }): string {
  return `${tenantId} ${topic}`;
}

function digestOf(payload: Buffer): string {
  return createHash('sha1').update(payload).digest('base64');
}
