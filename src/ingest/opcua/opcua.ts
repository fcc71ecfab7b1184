/**
 * The client of all OPC-UA servers: it looks every two seconds which connections there are, and reads those that no other
 * process reads.
 *
 *   enabled, and ours ──▶ reader ──changed──▶ other items, or another reader
 *          └── disabled, deleted, or another process's ──▶ closed
 *
 * Each is begun, changed and ended by itself: what goes wrong with one is logged, and tried again at the next look.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../platform/database.ts';
import { createFairGate } from '../../platform/fair-gate.ts';
import { type Board, createBoard } from './board.ts';
import { createClaims } from './claim-store.ts';
import type { Application } from './client/trust.ts';
import { listItemSpecs, listWanted, type Wanted } from './collecting-store.ts';
import type { ConnectionSpec } from './connection.ts';
import { findSpec } from './connections/spec-store.ts';
import { type Reader, type ReaderSurroundings, startReader } from './reader.ts';
import { keyOf } from './resume.ts';

export type Opcua = {
  /** Takes nothing more from any server; what was taken can still be committed. */
  stopReading(): Promise<void>;
  /** Writes the last of what is known, and leaves the connections to other processes. */
  close(): Promise<void>;
};

export type OpcuaOptions = Omit<ReaderSurroundings, 'db' | 'board' | 'inTurn' | 'application'> & {
  readonly database: Database;
  /** The certificate of the program; asked for when there is a connection. */
  readonly loadApplication: () => Promise<Application>;
  /** How often it is looked, in milliseconds. */
  readonly lookMs?: number;
};

type Held = {
  version: number;
  spec?: ConnectionSpec;
  reader?: Reader | undefined;
  /** After a failure it is tried again then, by performance.now(). */
  retryAt: number;
  /** What is being done with it; one after the other. */
  busy: Promise<void> | undefined;
};

type Inside = OpcuaOptions & {
  readonly board: Board;
  readonly surroundings: () => Promise<ReaderSurroundings>;
  readonly held: Map<string, Held>;
};

const filledAtOnceMax = 4;
const retryMs = 10_000;
const closeMsMax = 5_000;

/** Begins to look. */
export function startOpcua({ lookMs = 2_000, ...options }: OpcuaOptions): Opcua {
  const { database, counters, log } = options;
  const { db, pool } = database;
  const board = createBoard({ db, counters, log });
  const claims = createClaims(pool);
  const held = new Map<string, Held>();
  const gate = createFairGate({ atOnceMax: filledAtOnceMax, waitingMax: Number.POSITIVE_INFINITY });
  let application: Application | undefined;
  const surroundings = async (): Promise<ReaderSurroundings> => {
    application ??= await options.loadApplication();
    return { ...options, db, board, application, inTurn: gate };
  };
  const inside: Inside = { ...options, board, surroundings, held };
  options.intake.onRoom(() => {
    for (const { reader } of held.values()) reader?.lookForRoom();
  });

  const closing = Promise.withResolvers<void>();
  let isClosing = false;
  let isAway = false;
  const look = async () => {
    const wanted = new Map((await listWanted(db)).map((one) => [one.id, one]));
    if (isClosing) return;
    // Without any connection nothing is held of the database either.
    if (wanted.size === 0 && held.size === 0) return claims.close();
    const ours = await claims.claim(new Set(wanted.keys()));
    if (isClosing) return;
    for (const [id, one] of held) if (!ours.has(id)) leave(id, { one, inside, keep: wanted.has(id) });
    for (const id of ours) take(wanted.get(id), inside);
  };
  const looking = (async () => {
    while (!isClosing) {
      try {
        await look();
        isAway = false;
      } catch (error) {
        if (!isAway) log.warn({ err: error }, 'it cannot be read at present which OPC-UA connections there are');
        isAway = true;
      }
      await Promise.race([closing.promise, new Promise((resolve) => setTimeout(resolve, lookMs).unref())]);
    }
  })();

  const stopReading = async () => {
    isClosing = true;
    closing.resolve();
    // A database that does not answer keeps nobody waiting.
    await Promise.race([looking, sleep(closeMsMax, undefined, { ref: false })]);
    for (const [id, one] of held) leave(id, { one, inside, keep: true });
    await Promise.race([
      Promise.all([...held.values()].map(({ busy }) => busy)),
      sleep(closeMsMax, undefined, { ref: false }),
    ]);
  };
  return {
    stopReading,
    close: async () => {
      await stopReading();
      await board.close();
      claims.close();
    },
  };
}

/** Begins to read a connection, or takes up what has changed of it. */
function take(wanted: Wanted | undefined, inside: Inside): void {
  if (!wanted) return;
  const known = inside.held.get(wanted.id);
  if (known?.busy || known?.version === wanted.version || (known?.retryAt ?? 0) > performance.now()) return;
  const one: Held = known ?? { version: -1, retryAt: 0, busy: undefined };
  inside.held.set(wanted.id, one);
  doWith(one, inside, wanted.id, async () => {
    const { db } = inside.database;
    const spec = await findSpec(db, wanted, inside.sealer).catch((error: Error) => {
      sayFailing(wanted.id, error, inside);
      throw error;
    });
    if (!spec) return;
    const items = await listItemSpecs(db, wanted.id);
    const isSame = one.spec !== undefined && keyOf(one.spec) === keyOf(spec);
    if (one.reader && isSame) one.reader.setItems(items);
    else {
      const before = one.reader;
      one.reader = undefined;
      await before?.close({ keep: false });
      one.reader = await startReader({ ...(await inside.surroundings()), spec, items });
    }
    one.spec = spec;
    one.version = wanted.version;
  });
}

/** Only a secret that cannot be opened is for a person to see; else the database is away, and it is tried again. */
function sayFailing(connectionId: string, { message }: Error, { board }: Inside): void {
  if (!message.includes('SECRET')) return;
  const page = board.open(connectionId);
  page.note({ state: 'failing', reason: 'identity_rejected', detail: message });
  page.end();
}

function leave(id: string, { one, inside, keep }: { one: Held; inside: Inside; keep: boolean }): void {
  const end = async () => {
    const { reader } = one;
    one.reader = undefined;
    await reader?.close({ keep });
    if (inside.held.get(id) === one) inside.held.delete(id);
  };
  doWith(one, inside, id, end);
}

function doWith(one: Held, { log }: Inside, connectionId: string, work: () => Promise<void>): void {
  const before = one.busy ?? Promise.resolve();
  const mine = before.then(work).catch((error: unknown) => {
    one.retryAt = performance.now() + retryMs;
    log.error(
      { err: error, connectionId },
      'an OPC-UA connection could not be taken up as it is now; it is tried again',
    );
  });
  one.busy = mine;
  void mine.finally(() => {
    if (one.busy === mine) one.busy = undefined;
  });
}
