/**
 * One connection as it is read: the collector on one side; intake, gaps and what is known of the connection on the other.
 *
 *   collector ─▶ held while a gap or the state for a restart is being written ─▶ intake ─▶ committed through
 *       └──────▶ states, items ─▶ board        └──────▶ gaps ─▶ history ─▶ intake
 */
import type { Presence } from '../../access/presence.ts';
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { Sealer } from '../../platform/sealer.ts';
import type { Intake } from '../intake/intake.ts';
import type { Board, Page } from './board.ts';
import type { KeptSession } from './client/session.ts';
import type { Application, Trust } from './client/trust.ts';
import { findProgress, listLastValues, updateResume } from './collecting-store.ts';
import type { Collector, CollectorPort, KeptSubscription, ServerFacts } from './collector/port.ts';
import type { ConnectionSpec, ConnectionState, ItemSpec, Trouble, Value } from './connection.ts';
import type { OpcuaCounters } from './counters.ts';
import { createDeliver, type Deliver } from './deliver.ts';
import { slackMsMin } from './gaps/fill-gap.ts';
import { createFilling, type Filling, type FillingOptions } from './gaps/filling.ts';
import { createStartGap } from './gaps/start-gap.ts';
import { createHold, type Hold } from './hold.ts';
import { createOnline } from './online.ts';
import { createKeeping, openResume, sealResume } from './resume.ts';
import { createRoom } from './room.ts';
import { createStill, type Still } from './still.ts';

export type Reader = {
  setItems(items: readonly ItemSpec[]): void;
  /** There may be room in the intake again. */
  lookForRoom(): void;
  /** Ends reading; with `keep`, what is needed to go on where it ended stays here and at the server. */
  close(options: { readonly keep: boolean }): Promise<void>;
};

export type ReaderSurroundings = {
  readonly db: Db;
  readonly sealer: Sealer;
  readonly application: Application;
  readonly trust: Trust;
  readonly intake: Intake;
  readonly counters: OpcuaCounters;
  readonly board: Board;
  readonly log: Log;
  /** How old a value may grow before it is given again, by the server's clock. */
  readonly stillMs?: number | undefined;
  readonly presence: { record(presence: Presence): void; seen(deviceId: string, at: number): void };
  /** Of many connections some are filled at a time. */
  readonly inTurn: (party: string, work: () => Promise<void>) => Promise<unknown>;
};

type ReaderOptions = ReaderSurroundings & { readonly spec: ConnectionSpec; readonly items: readonly ItemSpec[] };

/** Begins to read. Rejects while the database is away; trouble with the server is reported, and never thrown. */
export async function startReader(options: ReaderOptions): Promise<Reader> {
  const { db, spec, items, sealer, log, application, trust } = options;
  const progress = await findProgress(db, spec.id);
  const throughMs = progress?.throughMs ?? null;
  const resume = openResume(progress?.resumeSealed ?? null, { spec, sealer });
  const { startCollector } = await import('./collector/collector.ts');
  const inside = createInside(options, { throughMs, isResuming: resume !== null, collector: () => collector });
  const { closing, filling, room, still, keeping, online, page } = inside;
  // A server that goes on where it was says nothing of what has not changed since.
  if (resume) still.with(await listLastValues(db, spec.id), Number.NEGATIVE_INFINITY);
  const port = portOf(inside);
  const collector: Collector = startCollector({
    spec,
    items,
    application,
    trust,
    resume: resume && { ...resume, throughMs },
    port,
  });
  collector.onConnected(filling.wake);

  return {
    setItems: (changed) => {
      inside.items = changed;
      still.keep(new Set(changed.map(({ id }) => id)));
      collector.setItems(changed);
    },
    lookForRoom: room.tell,
    close: async ({ keep }) => {
      await Promise.all([filling.close(), collector.close({ keep })]);
      closing.abort(new Error('the connection is read no more'));
      room.close();
      if (keep) await keeping.write().catch((error: unknown) => log.warn({ err: error, connection: spec.name }, kept));
      else await updateResume(db, spec.id, null);
      online.end(keep ? 'shutdown' : 'disconnected');
      page.end();
    },
  };
}

type Inside = ReaderOptions & {
  readonly closing: AbortController;
  readonly page: Page;
  readonly room: ReturnType<typeof createRoom>;
  readonly hold: Hold;
  readonly startGap: ReturnType<typeof createStartGap>;
  readonly online: ReturnType<typeof createOnline>;
  readonly still: Still;
  readonly keeping: ReturnType<typeof createKeeping>;
  readonly deliver: Deliver;
  readonly filling: Filling;
  items: readonly ItemSpec[];
  facts: ServerFacts | undefined;
};

type Begun = { readonly throughMs: number | null; readonly isResuming: boolean; readonly collector: () => Collector };

function createInside(options: ReaderOptions, { throughMs, isResuming, collector }: Begun): Inside {
  const { db, spec, board, intake, counters, presence } = options;
  const closing = new AbortController();
  const page = board.open(spec.id);
  const room = createRoom(intake);
  const hold = createHold(closing.signal, () => room.tell());
  const inside: Inside = {
    ...options,
    closing,
    page,
    room,
    hold,
    startGap: createStartGap(throughMs, isResuming),
    online: createOnline(spec, presence),
    still: createStill(options.stillMs),
    keeping: createKeeping((sealed) => updateResume(db, spec.id, sealed)),
    deliver: createDeliver({
      intake,
      counters,
      connectionId: spec.id,
      device: spec.device,
      throughMs,
      onCommitted: (through, lastValueMs) =>
        page.note({ throughMs: through, ...(lastValueMs !== null && { lastValueMs }) }),
      recordGap: (gap) => {
        room.refuse();
        return hold.until(() => inside.filling.record(gap));
      },
    }),
    filling: createFilling({
      ...options,
      items: () => inside.items,
      slackMs: Math.max(slackMsMin, 3 * spec.publishingIntervalMs),
      read: (span, how) => readThrough(collector(), inside, { ...span, ...how }),
      deliver: (values) => inside.deliver.history(values),
      hasRoom: room.isThere,
      isConnected: () => page.state() === 'connected' || page.state() === 'degraded',
      inTurn: (work) => options.inTurn(spec.tenantId, work),
    }),
    facts: undefined,
  };
  return inside;
}

type Span = Parameters<FillingOptions['read']>[0] & Parameters<FillingOptions['read']>[1];

async function readThrough(collector: Collector, { facts, spec }: Inside, span: Span): Promise<void> {
  const { readHistory } = await import('./collector/read-history.ts');
  const valuesExpected = (span.toMs - span.fromMs) / spec.samplingIntervalMs;
  const nodesPerReadMax = facts?.nodesPerHistoryReadMax ?? 0;
  const namespaces = collector.namespaces();
  await collector.withSession((session) =>
    readHistory({ ...span, session, namespaces, nodesPerReadMax, valuesExpected }),
  );
}

function portOf(inside: Inside): CollectorPort {
  const { spec, sealer, presence, closing, page, room, hold, startGap, online, still, keeping, deliver, filling } =
    inside;
  return {
    deliver: (values: readonly Value[], throughMs: number) => {
      if (closing.signal.aborted) return rejected();
      // What is not recorded yet must not be passed.
      if (values.length === 0 && startGap.isPending()) return;
      const gap = startGap.end(throughMs);
      if (gap) hold.until(() => filling.record(gap)).catch(ignore);
      presence.seen(spec.device.id, Date.now());
      const done = Promise.withResolvers<void>();
      hold.pass(() => {
        if (closing.signal.aborted) done.reject(new Error('the connection is read no more'));
        else deliver.live(still.with(values, throughMs), throughMs).then(done.resolve, done.reject);
      });
      // Not everybody waits for it.
      done.promise.catch(ignore);
      return done.promise;
    },
    hasRoom: () => room.isThere() && !hold.isHolding(),
    onRoom: room.listen,
    recordGap: filling.record,
    report: (state: ConnectionState, trouble: Trouble | null, said?: ServerFacts) => {
      inside.facts = said ?? inside.facts;
      const why = { reason: trouble?.code ?? null, detail: trouble?.detail ?? null };
      page.note({ state, ...why, ...(said && { server: factsOf(said) }) });
      online.note(state);
      if (state === 'connected' || state === 'degraded') filling.wake();
    },
    reportItems: (reports) => {
      still.note(reports);
      page.reports(reports);
    },
    keepSubscriptions: (subscriptions: readonly KeptSubscription[], session: KeptSession | null) => {
      const sealed = sealResume({ subscriptions, session }, { spec, sealer });
      // Nothing of a subscription is committed before it is known that there is one: else, after a crash, what it was
      // about to send would be missed by nobody.
      if (keeping.put(sealed)) hold.until(keeping.write).catch(ignore);
    },
    resumed: startGap.resumed,
  };
}

const kept = 'it could not be written how to go on with an OPC-UA connection';
const ignore = () => {};

function rejected(): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>();
  promise.catch(ignore);
  reject(new Error('the connection is read no more'));
  return promise;
}

function factsOf(facts: ServerFacts): string {
  return JSON.stringify({
    product_name: facts.productName,
    manufacturer: facts.manufacturer,
    software_version: facts.softwareVersion,
    started_at: facts.startedAtMs === null ? null : new Date(facts.startedAtMs).toISOString(),
    clock_ahead_ms: facts.clockAheadMs,
  });
}
