/**
 * The state of this host, which edge nodes that have it as their primary host wait for: a retained message to each tenant that has
 * such nodes, online while the program runs and offline from its orderly end on (Sparkplug B 3.0, 6.4.23 and 5.14). Others, whose
 * devices may well subscribe to everything, get no message that means nothing to them.
 */
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Publish } from '../publish.ts';
import { listSparkplugTenantIds } from './sparkplug-store.ts';
import { stateTopic } from './topic.ts';

export type HostState = {
  /** Says to every tenant with edge nodes, also to those that come later, that the host is online. */
  open(publish: Publish): Promise<void>;
  /** Somebody has published under a host's state: if it says that this one is offline, the truth is said again. */
  overheard(tenantId: string, said: { hostId: string; payload: Buffer }): void;
  /** Says that the host is offline. */
  close(): Promise<void>;
};

export type HostStateOptions = { readonly db: Db; readonly hostId: string; readonly log: Log };

const sweepMs = 5_000;
/** What was overheard is forwarded, and retained, after it is committed; the truth has to come after it. */
const answerMs = 500;

/** The payload of a birth or a death of a host: JSON, and not protobuf (tck-id-host-topic-phid-birth-payload). */
export function hostStatePayload({ online, timestampMs }: { online: boolean; timestampMs: number }): Buffer {
  return Buffer.from(JSON.stringify({ online, timestamp: timestampMs }));
}

/** A host of which nobody has heard. */
export function createHostState({ db, hostId, log }: HostStateOptions): HostState {
  const told = new Set<string>();
  /** By tenant: what one of them overhears keeps nobody else waiting. */
  const answers = new Map<string, NodeJS.Timeout>();
  let publish: Publish | undefined;
  let sweep: NodeJS.Timeout | undefined;
  let bornMs = 0;

  const tell = async (tenantId: string, online: boolean) => {
    const payload = hostStatePayload({ online, timestampMs: online ? bornMs : Date.now() });
    await publish?.(tenantId, { topic: stateTopic(hostId), payload, qos: 1, retain: true });
  };
  const tellNew = async () => {
    try {
      for (const tenantId of await listSparkplugTenantIds(db)) {
        if (told.has(tenantId)) continue;
        await tell(tenantId, true);
        told.add(tenantId);
      }
    } catch (error) {
      log.warn({ err: error }, 'the state of the host could not be told; trying again');
    }
  };

  return {
    open: async (given) => {
      publish = given;
      bornMs = Date.now();
      sweep = setInterval(() => void tellNew(), sweepMs).unref();
      await tellNew();
    },
    overheard: (tenantId, { hostId: named, payload }) => {
      if (named !== hostId || publish === undefined || answers.has(tenantId) || isOnline(payload)) return;
      const answer = setTimeout(() => {
        answers.delete(tenantId);
        tell(tenantId, true).catch((error: unknown) =>
          log.warn({ err: error }, 'the state of the host could not be told'),
        );
      }, answerMs).unref();
      answers.set(tenantId, answer);
    },
    close: async () => {
      clearInterval(sweep);
      for (const answer of answers.values()) clearTimeout(answer);
      const outcomes = await Promise.allSettled([...told].map((tenantId) => tell(tenantId, false)));
      publish = undefined;
      // The broker writes at the end of the turn, and may be closed in this one.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) log.warn({ err: failed.reason }, 'the end of the host could not be told');
    },
  };
}

function isOnline(payload: Buffer): boolean {
  return /"online"\s*:\s*true/.test(payload.subarray(0, 1_024).toString('latin1'));
}
