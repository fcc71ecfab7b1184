/**
 * Moving all telemetry from one storage engine to the other, while no program runs on the database:
 *
 *   still ──begin──▶ copying, piece by piece ──all copied──▶ switched ──▶ old tables dropped, piece by piece ──▶ still
 *                      │  ▲ broken off: the same command goes on          broken off: the same command goes on
 *                      └──┴── cancel ──▶ still, as before
 *
 * From begin to switch nobody can write, whatever process it is, and no program starts. Each piece is copied, counted and
 * compared in one transaction. The old tables are untouched until the switch, so there must be room for both. A new piece counts
 * as made when the latest was of those whose rows it has, so that a move does not put off what retention drops.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { type EngineKind, tryExtension } from './engine-store.ts';
import { inTransaction, lockEngine } from './engine-transaction-store.ts';
import {
  analyzeTables,
  beginMove,
  copyPiece,
  dropTable,
  endMove,
  findStorage,
  hasTable,
  listCopied,
  listDays,
  listOthers,
  newName,
  oldName,
  switchTables,
} from './move-store.ts';
import { makePartitions } from './partition-store.ts';
import { dropPiece, listPieces, type Piece, recordMade } from './piece-store.ts';
import { makeTable } from './table-store.ts';
import { type TimeTable, timeTables } from './time-table.ts';

export type Moving = {
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Told of every piece that is copied: how many of all, and its rows. */
  readonly onCopied?: (copied: { done: number; total: number; rows: number }) => void;
};

/** What a move has done; `isWhole` is false where it was aborted, and the same command goes on. */
export type Moved = { readonly rows: number; readonly isWhole: boolean };

/** Connections that have just been closed are listed a moment longer. */
const othersWaitMsMax = 3_000;

/**
 * Moves all telemetry to an engine, or goes on with a move that was broken off. Throws a sentence that says what to do where a
 * program is connected to the database, where the engine cannot be had, and where a copy does not agree with what it is of.
 */
export async function moveStorage({ db, pool }: Database, to: EngineKind, moving: Moving): Promise<Moved> {
  const storage = await getStorage(db);
  const from: EngineKind = to === 'hypertable' ? 'partitions' : 'hypertable';
  if (storage.movingTo !== null && storage.movingTo !== to)
    throw new Error(`a move to ${storage.movingTo} has begun: finish it, or give it up with move --cancel`);
  if (storage.kind === to)
    return { rows: 0, isWhole: await dropTables(db, { kind: from, nameOf: oldName, signal: moving.signal }) };
  await refuseOthers(db);
  if (to === 'hypertable' && !(await tryExtension(pool, moving.log)))
    throw new Error('TimescaleDB cannot be used in this database: install it on the server, preload it, and try again');
  await inTransactionOf(db, async (trx) => {
    if (storage.movingTo === null) await beginMove(trx, to);
  });
  await makeCopies(pool, to);
  const copied = await copyTables({ db, pool }, { from, to, ...moving });
  if (!copied.isWhole) return copied;
  await inTransactionOf(db, async (trx) => {
    for (const table of timeTables) await recordMade(trx, await madeOfCopies(trx, table, { from, to }));
    await switchTables(trx, to);
  });
  await analyzeTables(db);
  return { ...copied, isWhole: await dropTables(db, { kind: from, nameOf: oldName, signal: moving.signal }) };
}

/** Gives up a move that has not been switched yet: everything is as it was. Resolves with whether there was one. */
export async function cancelMove({ db }: Database, { signal }: Pick<Moving, 'signal'>): Promise<boolean> {
  const { movingTo } = await getStorage(db);
  if (movingTo === null) return false;
  await refuseOthers(db);
  if (!(await dropTables(db, { kind: movingTo, nameOf: newName, signal }))) return true;
  await inTransactionOf(db, endMove);
  return true;
}

async function getStorage(db: Db) {
  const storage = await findStorage(db);
  if (storage === undefined)
    throw new Error('no program has stored telemetry in this database yet; start one on it first');
  return storage;
}

/** A program that runs would fail on every write, and go on with the wrong engine afterwards. */
async function refuseOthers(db: Db): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 100) {
    const others = await listOthers(db);
    if (others.length === 0) return;
    if (waitedMs >= othersWaitMsMax) {
      const names = [...new Set(others)].slice(0, 5).join(', ');
      throw new Error(
        `${others.length} other connections are open on this database: ${names}; stop every program that uses it first`,
      );
    }
    await sleep(100);
  }
}

function inTransactionOf(db: Db, work: (trx: Db) => Promise<void>): Promise<void> {
  return db.transaction().execute(work);
}

async function makeCopies(pool: Database['pool'], kind: EngineKind): Promise<void> {
  await inTransaction(pool, async (client) => {
    await lockEngine(client);
    const { rows } = await client.query<{ table: TimeTable }>(
      `select name as table from unnest($1::text[]) as name where to_regclass(name || '_moving') is null`,
      [timeTables],
    );
    for (const { table } of rows) await makeTable(client, { name: newName(table), table, kind });
  });
}

type Copying = Moving & { readonly from: EngineKind; readonly to: EngineKind };

async function copyTables(
  { db, pool }: Pick<Database, 'db' | 'pool'>,
  { from, to, log, signal, onCopied }: Copying,
): Promise<Moved> {
  const all: Piece[] = [];
  for (const table of timeTables) all.push(...(await listPieces(db, from, table)));
  let [done, rows] = [0, 0];
  for (const table of timeTables) {
    const copied = await listCopied(db, table);
    rows += copied.rows;
    for (const piece of all.filter((one) => one.table === table)) {
      if (signal.aborted) return { rows, isWhole: false };
      done++;
      if (copied.starts.has(piece.fromMs)) continue;
      if (to === 'partitions')
        await makePartitions(pool, { table, parent: newName(table), days: await listDays(db, piece), log });
      rows += await db.transaction().execute((trx) => copyPiece(trx, piece));
      onCopied?.({ done, total: all.length, rows });
    }
  }
  return { rows, isWhole: true };
}

async function madeOfCopies(trx: Db, table: TimeTable, { from, to }: Pick<Copying, 'from' | 'to'>) {
  const sources = await listPieces(trx, from, table);
  const copies = await listPieces(trx, to, table, newName(table));
  return copies.map(({ name, fromMs, toMs }) => {
    const overlapping = sources.filter((source) => source.fromMs < toMs && fromMs < source.toMs);
    return { name, madeMs: Math.max(...overlapping.map(({ madeMs }) => madeMs)) };
  });
}

type Dropping = Pick<Moving, 'signal'> & { readonly kind: EngineKind; readonly nameOf: (table: TimeTable) => string };

/** Drops tables piece by piece: all at once would take more locks than a server has. False where it was aborted. */
async function dropTables(db: Db, { kind, nameOf, signal }: Dropping): Promise<boolean> {
  for (const table of timeTables) {
    const name = nameOf(table);
    if (!(await hasTable(db, name))) continue;
    for (const piece of await listPieces(db, kind, table, name)) {
      if (signal.aborted) return false;
      await dropPiece(db, kind, piece, name);
    }
    await dropTable(db, name);
  }
  return true;
}
