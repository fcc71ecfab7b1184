import { type FeedLimits, feedLimits } from '../events/stream/feed.ts';
import { createHub } from '../events/stream/hub.ts';
import { outboxLimits } from '../events/stream/outbox.ts';
import type { LiveStreams, StreamLimits } from '../events/stream/routes.ts';
import type { Db } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { findFreshReadings } from '../telemetry/fresh-store.ts';

export type LiveStreamLimits = StreamLimits & FeedLimits;

const limitsUsual: LiveStreamLimits = { ...feedLimits, ...outboxLimits, ofKeyMax: 10, inAllMax: 500 };

/** The live streams of a process, within the usual limits or those given; nothing runs until there is one. */
export function createLiveStreams({
  db,
  log,
  limits: given,
}: {
  db: Db;
  log: Log;
  limits: Partial<LiveStreamLimits> | undefined;
}): LiveStreams {
  const limits = { ...limitsUsual, ...given };
  return { hub: createHub({ db, log, findFresh: findFreshReadings, limits }), limits };
}
