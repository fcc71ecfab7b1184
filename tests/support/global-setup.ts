/**
 * One real PostgreSQL for a whole run of the integration tests: the server that TIMESCALE_URL names, or an embedded one
 * in a folder of its own. One migrated template database lies in it, and every test file copies that.
 */
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts';
import { createLog } from '../../src/platform/log.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { databaseUrl, onServer, templateName } from './database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The maintenance database of the server that the tests use. */
    serverUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await openServer();
  await onServer(server.url, `drop database if exists ${templateName}`);
  await onServer(server.url, `create database ${templateName}`);
  await migrate(databaseUrl(server.url, templateName), join(import.meta.dirname, '../../migrations'));
  // Nobody may be connected to a database that is being copied, not even a background worker of TimescaleDB's.
  await onServer(server.url, `alter database ${templateName} with allow_connections false`);
  project.provide('serverUrl', server.url);
  return server.close;
}

async function openServer(): Promise<{ url: string; close(): Promise<void> }> {
  const given = process.env.TIMESCALE_URL;
  if (given !== undefined && given !== '') return { url: given, close: async () => undefined };
  const folder = await mkdtemp(join(await findRoom(), 'faultline-tests-'));
  const server = await startEmbeddedPostgres(folder, createLog('warn'));
  const url = databaseUrl(server.url, 'postgres');
  // It ends with the run, so nothing on it has to outlive the machine; each database that is made would wait for the disk.
  await onServer(url, 'alter system set fsync = off');
  await onServer(url, 'select pg_reload_conf()');
  return {
    url,
    close: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** More than the databases of a run and their log take at once. */
const roomBytes = 6_000_000_000;

/** Memory where there is plenty of it: on a disk each database is 700 files made and removed, half of what many a test costs. */
async function findRoom(): Promise<string> {
  const memory = '/dev/shm';
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }));
  return Math.min(bavail * bsize, process.availableMemory()) > roomBytes ? memory : tmpdir();
}
