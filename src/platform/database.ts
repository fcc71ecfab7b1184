import { Socket } from 'node:net';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Log } from './log.ts';
import { parseTimestamp } from './parse-timestamp.ts';
import { createStatementNames, prepareFrequent } from './prepared-statements.ts';
import type { DB } from './schema.ts';

/** A connection pool or a transaction: a store takes either. */
export type Db = Kysely<DB>;

/** The database as stages get it: typed queries over one pool, and the pool itself for streams and bulk writes. */
export type Database = {
  readonly db: Db;
  readonly pool: pg.Pool;
  close(): Promise<void>;
};

export type DatabaseOptions = {
  readonly connectionsMax: number;
  readonly log: Log;
  /** How long one statement may take; a transaction of many statements may take longer. */
  readonly statementMsMax?: number;
  /** How long `close` waits for statements that are under way. */
  readonly closeMsMax?: number;
  /** Whether statements that come often are prepared; for those that are small, and of which many are the same. */
  readonly isPreparing?: boolean;
  /** What is done to connections before they are used; absent: nothing. */
  readonly lending?: Lending;
};

/** What is done to a connection before somebody gets it. One for which it rejects is thrown away. */
export type Lending = {
  /** Once, when it is new. */
  connected(client: pg.ClientBase): Promise<void>;
  /** Who asks for it, as of the call; throws where nobody may. */
  borrower(): string;
  /** Whenever it is lent. */
  lent(client: pg.ClientBase, borrower: string): Promise<void>;
};

/**
 * A new connection costs the server some forty milliseconds before it is as quick as one that has been used: where they end sooner,
 * the burst after a pause pays that for each of them.
 */
const idleMsMax = 10 * 60_000;

/**
 * Opens a pool on a PostgreSQL URL. Nothing is connected yet; an idle connection that breaks is logged and replaced, so
 * a database that went away is found again by the next query. One that vanishes without a word is noticed by the limit
 * on statements, since TCP itself would take a quarter of an hour.
 */
export function openDatabase(
  url: string,
  { connectionsMax, log, statementMsMax, closeMsMax = 10_000, isPreparing = false, lending }: DatabaseOptions,
): Database {
  const { settings, cut } = connectionsTo(url, statementMsMax);
  const onConnect = lending && { onConnect: (client: pg.ClientBase) => lending.connected(client) };
  const pool = new pg.Pool({ ...settings, ...onConnect, max: connectionsMax, idleTimeoutMillis: idleMsMax });
  if (lending) lendBy(pool, lending);
  const names = createStatementNames();
  let isClosing = false;
  pool.on('error', (error) => {
    if (!isClosing) log.warn({ err: error }, 'an idle database connection was lost');
  });
  // The pool listens to connections that are idle in it, and to no other: an error between two statements of a
  // transaction would end the process. The statement that follows rejects with it.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.debug({ err: error }, 'a database connection was lost'));
    endOnTimeout(client);
    if (isPreparing) prepareFrequent(client, names);
  });
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  pools.set(db, pool);
  const close = async () => {
    isClosing = true;
    const late = setTimeout(() => {
      log.warn('the database does not answer; closing its connections all the same');
      cut();
    }, closeMsMax);
    // Kysely ends the pool only if it has used it.
    await db.destroy();
    if (!pool.ending) await pool.end();
    clearTimeout(late);
  };
  return { db, pool, close };
}

/** Settings of connections that notice it when the other end vanishes, as a statement may take a minute, or so long; and how to cut them. */
export function connectionsTo(url: string, statementMsMax = 60_000) {
  const sockets = new Set<Socket>();
  const types = new pg.TypeOverrides();
  types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, parseTimestamp);
  const settings = {
    connectionString: url,
    types,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    query_timeout: statementMsMax,
    stream: () => openSocket(sockets),
  };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return { settings, cut };
}

const pools = new WeakMap<Db, pg.Pool>();

/** The pool beneath typed queries, for what these cannot say, such as COPY. Throws for a transaction, which has one connection. */
export function poolOf(db: Db): pg.Pool {
  const pool = pools.get(db);
  if (pool === undefined) throw new TypeError('no pool: this is a transaction, or was not opened by openDatabase');
  return pool;
}

/** Does work on a connection of the pool. One whose work rejects is thrown away: it may be in a transaction, or broken. */
export async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

type Lent = (error: Error | undefined, client: pg.PoolClient | undefined, release: (error?: boolean) => void) => void;

/** Whoever connects, by a promise or, as the pool itself does, by a callback, gets a connection that is prepared for him. */
function lendBy(pool: pg.Pool, lending: Lending): void {
  const connect = pool.connect.bind(pool) as () => Promise<pg.PoolClient>;
  const lend = async () => {
    const borrower = lending.borrower();
    const client = await connect();
    try {
      await lending.lent(client, borrower);
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  };
  const lendTo = (done?: Lent) => {
    if (!done) return lend();
    return lend().then(
      (client) => done(undefined, client, client.release),
      (error: Error) => done(error, undefined, () => undefined),
    );
  };
  pool.connect = lendTo as typeof pool.connect;
}

function openSocket(sockets: Set<Socket>): Socket {
  const socket = new Socket();
  sockets.add(socket);
  return socket.once('close', () => sockets.delete(socket));
}

/** A statement that was given up still occupies its connection, and the pool would hand that to the next one. */
function endOnTimeout(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const endingQuery = (...given: unknown[]) => {
    const answer = query(...given);
    if (answer instanceof Promise) {
      answer.catch((error: Error) => {
        if (isTimeout(error)) void (client as unknown as pg.Client).end();
      });
    }
    return answer;
  };
  client.query = endingQuery as typeof client.query;
}

function isTimeout(error: Error): boolean {
  return error.message === 'Query read timeout';
}

/** What keeps the database from answering, in a word that strangers may read; undefined when it answers. The log has the rest. */
export async function findDatabaseTrouble({ db }: Database, log: Log): Promise<string | undefined> {
  try {
    await sql`select 1`.execute(db);
    return undefined;
  } catch (error) {
    log.warn({ err: error }, 'the database does not answer');
    return 'unreachable';
  }
}

/** Whether an error says that the database went away or is not ready, so that the same work may be tried again. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: string }).code ?? '';
  // Class 08 is a connection exception, 57P01 to 57P03 a server that stops or starts (PostgreSQL, appendix A).
  if (/^08|^57P0[123]$|^ECONN|^EPIPE$|^ETIMEDOUT$|^53300$/.test(code)) return true;
  return (
    isTimeout(error) ||
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed/.test(
      error.message,
    )
  );
}
