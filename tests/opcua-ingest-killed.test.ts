/** Programs that read an OPC-UA server and are killed: what the server has queued meanwhile is taken up, by the next or by another. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase } from './support/database.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';
import * as stage from './support/opcua-stage.ts';
import { type DataDir, eventually, makeDataDir, type Program, startProgram } from './support/program.ts';

const items = 50;
const secret = 'a secret that both programs have, of some length';
const dataDirs: DataDir[] = [];
const programs: Program[] = [];
let own: Awaited<ReturnType<typeof createTestDatabase>>;
let database: Database;
let server: OpcuaServer;

beforeAll(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 2, log: createLog('silent') });
  server = await startOpcuaServer({ items, hz: 10 });
});
afterEach(async () => {
  for (const program of programs.splice(0)) await program.kill('SIGKILL');
  for (const dataDir of dataDirs.splice(0)) await dataDir.remove();
});
afterAll(async () => {
  await server?.stop();
  await database?.close();
  await own?.drop();
});

test('nothing is missing when a program is killed and another takes over, nor when nobody reads for some seconds', async () => {
  const { id } = await stage.addConnection(database, await stage.addTenant(database), {
    endpoint_url: server.endpointUrl,
    items: stage.numberedItems(items),
  });
  const two = await Promise.all([start(), start()]);
  const first = await eventually('one of them reads', () => findReader(two));
  const second = two.find((program) => program !== first) as Program;
  const from = await committedNumber(id);
  expect(await received(second)).toBe(0);

  await first.kill('SIGKILL');
  const killedAt = Date.now();
  await eventually('the other reads', () => findReader([second]), 10_000);
  expect(Date.now() - killedAt).toBeLessThan(8_000);
  await untilAllSince(id, from);

  await second.kill('SIGKILL');
  await sleep(3_000);
  const third = await start();
  await eventually('a third one reads', () => findReader([third]), 10_000);
  await untilAllSince(id, from);

  await third.kill('SIGTERM');
  await start();
  await untilAllSince(id, from);
  expect(await stage.gapsOf(database, id)).toEqual([]);
});

async function start(): Promise<Program> {
  const dataDir = await makeDataDir();
  dataDirs.push(dataDir);
  const env = { DATABASE_URL: own.url, SECRET: secret, ROLES: 'api,ingest' };
  const program = await startProgram({ dataDir: dataDir.path, env });
  programs.push(program);
  return program;
}

async function findReader(some: readonly Program[]): Promise<Program | undefined> {
  for (const program of some) if ((await received(program)) > 0) return program;
  return undefined;
}

async function received({ apiUrl }: Program): Promise<number> {
  const text = await (await fetch(new URL('/metrics', apiUrl))).text();
  return Number(/^faultline_opcua_values_received_total (\d+)/m.exec(text)?.[1] ?? 0);
}

/** A number that all items have. */
async function committedNumber(id: string): Promise<number> {
  return eventually('a number is there', async () => {
    const last = await server.lastNumber();
    return (await stage.missingOf(database, id, [last])).length === 0 ? last : undefined;
  });
}

async function untilAllSince(id: string, from: number): Promise<void> {
  const last = await server.lastNumber();
  const numbers = (await server.madeNumbers()).filter((number) => number >= from && number <= last);
  await expect.poll(() => stage.missingOf(database, id, numbers)).toEqual([]);
}
