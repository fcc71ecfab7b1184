import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startFaultline } from '../src/main.ts';
import { readConfig } from '../src/platform/config.ts';
import { findDatabaseTrouble, isConnectionLoss, openDatabase } from '../src/platform/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts';
import { createLog } from '../src/platform/log.ts';
import { migrate } from '../src/platform/migrate.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/program.ts';
import { openStallingProxy, type StallingProxy } from './support/stalling-proxy.ts';

const log = createLog('silent');

/** What listens and never answers, and what became of a migration there: it takes ten seconds, so it is begun before all else. */
const silent = createServer();
let unanswered: Promise<unknown>;
beforeAll(async () => {
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  unanswered = migrate(`postgresql://someone@127.0.0.1:${port}/none`, 'migrations').catch((error: unknown) => error);
});
afterAll(() => silent.close());

describe('the embedded PostgreSQL', () => {
  let folder: string;
  let server: EmbeddedPostgres | undefined;

  beforeAll(async () => {
    // mkdtemp makes a folder that only its owner may enter: root's server must find its way in all the same.
    folder = await mkdtemp(join(tmpdir(), 'faultline-embedded-'));
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('keeps what was committed when it is killed, and comes back by itself under the same URL', async () => {
    server = await startEmbeddedPostgres(folder, log);
    await query(server.url, 'create table kept (n integer)');
    await query(server.url, 'insert into kept values (7)');
    process.kill(server.pid() as number, 'SIGKILL');
    const url = server.url;
    const rows = await eventually('an answer after the kill', () =>
      query(url, 'select n from kept').catch(() => undefined),
    );
    expect(rows).toEqual([{ n: 7 }]);
    await server.stop();
  });

  test('starts over the server and the pid file that a killed program left behind', async () => {
    const left = spawn(process.execPath, ['tests/support/hold-postgres.ts', folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(left.stdout, 'data');
    left.kill('SIGKILL');
    await once(left, 'exit');
    server = await startEmbeddedPostgres(folder, log);
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }]);
    await server.stop();
  });

  test('starts over a stale pid file that names a process which is not a PostgreSQL', async () => {
    await writeFile(join(folder, 'postgres/postmaster.pid'), `${process.pid}\n${folder}/postgres\n`);
    server = await startEmbeddedPostgres(folder, log);
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }]);
    await server.stop();
  });

  test('is left alone by a second program on the same folder, which ends with an error that names both', async () => {
    server = await startEmbeddedPostgres(folder, log);
    const pid = server.pid();
    const { status, stderr } = start({ DATA_DIR: folder, HTTP_PORT: '0', MQTT_PORT: '0', LOG_LEVEL: 'fatal' });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(`DATA_DIR ${folder} is in use by another Faultline, process ${process.pid}`),
    });
    expect(server.pid()).toBe(pid);
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }]);
    await server.stop();
  });
});

describe('migrations', () => {
  let database: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    await query(database.url, 'drop table migration');
    folder = await mkdtemp(join(tmpdir(), 'faultline-migrations-'));
    await writeFile(join(folder, '0001_first.sql'), 'create table first (n integer);');
  });
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  test('are applied once, also by two processes that start together', async () => {
    const applied = await Promise.all([migrate(database.url, folder), migrate(database.url, folder)]);
    expect(applied.flat()).toEqual(['0001_first.sql']);
  });

  test('leave nothing behind when one fails, and name it', async () => {
    await writeFile(join(folder, '0002_second.sql'), 'create table second (n integer); select 1 / 0;');
    await expect(migrate(database.url, folder)).rejects.toThrow('migration 0002_second.sql failed: division by zero');
    expect(await query(database.url, "select to_regclass('second') as found")).toEqual([{ found: null }]);
    await rm(join(folder, '0002_second.sql'));
  });

  test('refuse a file that has changed since it was applied, and one that is gone', async () => {
    await writeFile(join(folder, '0001_first.sql'), 'create table first (n bigint);');
    await expect(migrate(database.url, folder)).rejects.toThrow('0001_first.sql has changed since it was applied');
    await rm(join(folder, '0001_first.sql'));
    await expect(migrate(database.url, folder)).rejects.toThrow(
      '0001_first.sql was applied to this database and is not among',
    );
  });
});

describe('a database that vanishes without a word', () => {
  let own: TestDatabase;
  let proxy: StallingProxy;
  beforeEach(async () => {
    own = await createTestDatabase();
    proxy = await openStallingProxy(own.url);
  });
  afterEach(async () => {
    await proxy.close();
    await own.drop();
  });

  test('fails the statement that waits for it as a lost connection, and is found again by the next', async () => {
    const database = openDatabase(proxy.url, { connectionsMax: 1, log, statementMsMax: 500 });
    await sql`select 1`.execute(database.db);
    proxy.stall();
    const error = await sql`select 2`.execute(database.db).catch((error: unknown) => error);
    expect(isConnectionLoss(error)).toBe(true);
    expect((await sql`select 3 as n`.execute(database.db)).rows).toEqual([{ n: 3 }]);
    await database.close();
  });

  test('keeps nobody from closing the pool', async () => {
    const database = openDatabase(proxy.url, { connectionsMax: 1, log, closeMsMax: 200 });
    const client = await database.pool.connect();
    proxy.stall();
    const waiting = client.query('select 1').finally(() => client.release());
    waiting.catch(() => undefined); // Awaited below, after it has failed.
    await database.close();
    expect(isConnectionLoss(await waiting.catch((error: unknown) => error))).toBe(true);
  });
});

test('what keeps the database from answering is logged, and strangers are told only that something does', async () => {
  const lines: string[] = [];
  const written = createLog('warn', { write: (line) => void lines.push(line) });
  const database = openDatabase('postgresql://someone@127.0.0.1:1/none', { connectionsMax: 1, log: written });
  expect(await findDatabaseTrouble(database, written)).toBe('unreachable');
  expect(lines.join('')).toContain('ECONNREFUSED');
  await database.close();
});

describe('ROLES', () => {
  test.each([
    { roles: 'jobs', queues: ['housekeeping', 'insights', 'points', 'roll-ups', 'storage', 'work-orders'] },
    { roles: 'rules', queues: ['advance-rules'] },
    {
      roles: 'jobs,rules',
      queues: ['advance-rules', 'housekeeping', 'insights', 'points', 'roll-ups', 'storage', 'work-orders'],
    },
  ])('$roles schedules $queues and nothing else', async ({ roles, queues }) => {
    const own = await createTestDatabase();
    const config = readConfig({ DATABASE_URL: own.url, ROLES: roles, TICK: '1h' });
    const faultline = await startFaultline(config, { log });
    await faultline.stop();
    const scheduled = await query(own.url, 'select queue from bullmq.scheduler order by queue');
    expect(scheduled).toEqual(queues.map((queue) => ({ queue })));
    await own.drop();
  });

  test('jobs forgets the batches that every shard has seen', async () => {
    const own = await createTestDatabase();
    await query(own.url, "insert into ingest_batch (asset_ids, least_times, shards) values ('{}', '{}', '{}')");
    await query(own.url, 'insert into rule_shard (shard, tick_at, snapshot) values (0, now(), pg_current_snapshot())');
    // As each tick does: a snapshot taken while another database of this server writes may not be past the batch yet.
    await eventually('a snapshot past the batch', async () => {
      await query(own.url, 'update rule_shard set snapshot = pg_current_snapshot()');
      const past = 'select from ingest_batch join rule_shard on xid < pg_snapshot_xmin(snapshot)';
      return (await query(own.url, past)).length === 1 || undefined;
    });
    const faultline = await startFaultline(readConfig({ DATABASE_URL: own.url, ROLES: 'jobs' }), { log });
    await eventually(
      'no batch',
      async () => (await query(own.url, 'select from ingest_batch')).length === 0 || undefined,
    );
    await faultline.stop();
    await own.drop();
  });
});

describe('the start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'faultline-taken-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('ends with one line that names a wrong setting and what it may be', () => {
    const { status, stderr, stdout } = start({ HTTP_PORT: 'http' });
    expect({ status, stderr, stdout }).toEqual({
      status: 1,
      stderr: 'HTTP_PORT is "http", and must be a port from 0 (any free one) to 65535\n',
      stdout: '',
    });
  });

  test.each(['HTTP_PORT', 'MQTT_PORT'])('ends with an error that names %s when its port is taken', async (setting) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { status, stderr } = start({
      DATA_DIR: folder,
      HTTP_PORT: '0',
      MQTT_PORT: '0',
      [setting]: String(port),
      LOG_LEVEL: 'fatal',
    });
    other.close();
    expect(status).toBe(1);
    expect(stderr).toContain(`${setting} ${port} is taken by another program; set ${setting} to a free port`);
  });
});

test('migrations end after a while where something listens that never answers', async () => {
  expect(await unanswered).toMatchObject({ message: expect.stringContaining('timeout') });
});

function start(env: Record<string, string>) {
  return spawnSync(process.execPath, ['src/cli/faultline.ts', 'start'], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
