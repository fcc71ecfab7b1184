/**
 * Requests that an edge node sends its births again, never more often than a node can bear:
 *
 *   wanted ──its turn──▶ asked ──wanted again──▶ waits 10 s, 20 s, 40 s … 10 min since it was asked last ──▶ asked
 *     └── born meanwhile: forgotten
 *
 * A node that was not asked for ten times its wait begins again at 10 s. In all `perSecond` requests are sent, so that
 * after an outage a thousand nodes do not answer in the same second.
 */
import type { Log } from '../../platform/log.ts';
import type { Publish } from '../publish.ts';
import { encodeRebirth } from './payload.ts';
import { type NodeKey, nodeName } from './sparkplug-store.ts';
import { commandTopic } from './topic.ts';

export type Rebirths = {
  /** Wants the births of a node; it is asked now, or when it may be asked again. */
  want(key: NodeKey): void;
  /** Its births have come. */
  born(key: NodeKey): void;
  /** Sends requests from now on. */
  open(publish: Publish): void;
  close(): void;
};

const waitMsMin = 10_000;
const waitMsMax = 600_000;
const perSecond = 20;
const nodesMax = 20_000;

type Asked = { readonly key: NodeKey; isWanted: boolean; dueAt: number; askedAt: number; waitMs: number };

/** Nothing is wanted yet. */
export function createRebirths(log: Log): Rebirths {
  const nodes = new Map<string, Asked>();
  let publish: Publish | undefined;
  let timer: NodeJS.Timeout | undefined;
  let secondEndsAt = 0;
  let leftInSecond = perSecond;

  const send = () => {
    timer = undefined;
    const now = performance.now();
    if (now >= secondEndsAt) [secondEndsAt, leftInSecond] = [now + 1_000, perSecond];
    let nextAt = Number.POSITIVE_INFINITY;
    for (const asked of nodes.values()) {
      if (!asked.isWanted) continue;
      if (asked.dueAt > now) nextAt = Math.min(nextAt, asked.dueAt);
      else if (leftInSecond === 0) nextAt = Math.min(nextAt, secondEndsAt);
      else {
        leftInSecond--;
        ask(asked, { now, publish, log });
      }
    }
    if (nextAt < Number.POSITIVE_INFINITY) timer = setTimeout(send, Math.max(1, nextAt - now)).unref();
  };
  return {
    want: (key) => {
      const asked = nodes.get(nodeName(key)) ?? {
        key,
        isWanted: false,
        dueAt: 0,
        askedAt: Number.NEGATIVE_INFINITY,
        waitMs: waitMsMin,
      };
      if (asked.isWanted) return;
      asked.isWanted = true;
      asked.dueAt = Math.max(performance.now(), asked.askedAt + asked.waitMs);
      nodes.delete(nodeName(key));
      nodes.set(nodeName(key), asked);
      const [oldest] = nodes.size > nodesMax ? nodes.keys() : [];
      if (oldest !== undefined) nodes.delete(oldest);
      if (publish === undefined) return;
      clearTimeout(timer);
      timer = setTimeout(send, 0).unref();
    },
    born: (key) => {
      const asked = nodes.get(nodeName(key));
      if (asked) asked.isWanted = false;
    },
    open: (given) => {
      publish = given;
      timer ??= setTimeout(send, 0).unref();
    },
    close: () => {
      clearTimeout(timer);
      publish = undefined;
    },
  };
}

type Asking = { readonly now: number; readonly publish: Publish | undefined; readonly log: Log };

function ask(asked: Asked, { now, publish, log }: Asking): void {
  const { tenantId, group, edge } = asked.key;
  asked.isWanted = false;
  asked.waitMs = now - asked.askedAt > asked.waitMs * 10 ? waitMsMin : Math.min(waitMsMax, asked.waitMs * 2);
  asked.askedAt = now;
  log.info({ tenantId, group, edge }, 'an edge node is asked for its births');
  const message = {
    topic: commandTopic(asked.key),
    payload: encodeRebirth(Date.now()),
    qos: 0,
    retain: false,
  } as const;
  publish?.(tenantId, message).catch((error: unknown) => {
    log.warn({ err: error, tenantId, group, edge }, 'an edge node could not be asked for its births');
  });
}
