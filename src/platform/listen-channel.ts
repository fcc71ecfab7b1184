/**
 * What other processes notify on a channel of PostgreSQL, heard on a connection of its own, since a pooled one would lose it.
 *
 *   away ──connect, LISTEN──▶ hearing (onUnsure once) ──lost, or silent for `answerMsMax`──▶ away, tried again
 */
import { Socket } from 'node:net';
import pg from 'pg';
import type { Log } from './log.ts';
import { pause } from './pause.ts';

export type Listening = {
  readonly databaseUrl: string;
  /** The name of the channel, as it stands in SQL. */
  readonly channel: string;
  readonly log: Log;
  readonly onNotified: (payload: string) => void;
  /** Something may have been missed. Called after every gap, the first included. */
  readonly onUnsure: () => void;
};

const retryMs = 1_000;
const probeMs = 10_000;
const answerMsMax = 10_000;

/** Listens from now on, and again after every gap; returns at once, also while the database is away. */
export function listenChannel({ databaseUrl, channel, log, onNotified, onUnsure }: Listening): {
  close(): Promise<void>;
} {
  const closing = new AbortController();
  const hearing = (async () => {
    while (!closing.signal.aborted) {
      const socket = new Socket();
      const cut = () => socket.destroy();
      closing.signal.addEventListener('abort', cut);
      try {
        await hear(clientOn(socket, databaseUrl), { channel, onNotified, onUnsure });
      } catch (error) {
        if (!closing.signal.aborted) log.warn({ err: error, channel }, 'what is notified cannot be heard at present');
      }
      closing.signal.removeEventListener('abort', cut);
      // Not by a farewell, which a peer that has vanished would never answer.
      socket.destroy();
      await pause(retryMs, closing.signal);
    }
  })();
  return {
    close: () => {
      closing.abort();
      return hearing;
    },
  };
}

function clientOn(socket: Socket, connectionString: string): pg.Client {
  return new pg.Client({
    connectionString,
    stream: () => socket,
    keepAlive: true,
    connectionTimeoutMillis: answerMsMax,
    query_timeout: answerMsMax,
    application_name: 'faultline listener',
  });
}

type Hearing = Pick<Listening, 'channel' | 'onNotified' | 'onUnsure'>;

/** Resolves when the connection has ended; rejects when it broke, or answers no more. */
async function hear(client: pg.Client, { channel, onNotified, onUnsure }: Hearing): Promise<void> {
  client.on('notification', ({ payload }) => {
    if (payload) onNotified(payload);
  });
  const ended = new Promise<void>((resolve, reject) => {
    client.on('end', resolve);
    client.on('error', reject);
  });
  // While a statement is under way, its own rejection tells of the end.
  ended.catch(() => undefined);
  await client.connect();
  await client.query(`listen ${channel}`);
  onUnsure();
  // TCP tells of a peer that vanished only to those who write.
  let probe: NodeJS.Timeout | undefined;
  const silent = new Promise<never>((_resolve, reject) => {
    // An empty statement is answered, too (PostgreSQL, EmptyQueryResponse).
    probe = setInterval(() => void client.query('').catch(reject), probeMs);
  });
  try {
    await Promise.race([ended, silent]);
  } finally {
    clearInterval(probe);
  }
}
