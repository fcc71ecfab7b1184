import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let folder: string;
let own: TestDatabase;
beforeAll(async () => {
  own = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'faultline-start-'));
  await writeFile(join(folder, 'file'), '');
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await own.drop();
});

// At once: Redis is given ten seconds to answer.
test.concurrent.each([
  ['RULES_DIR', () => join(folder, 'nowhere'), /^faultline start: RULES_DIR cannot be used: .*nowhere'$/],
  [
    'DATABASE_URL',
    () => 'postgresql://127.0.0.1:1/none',
    /^faultline start: DATABASE_URL cannot be used: .*ECONNREFUSED.*$/,
  ],
  [
    'REDIS_URL',
    () => 'redis://127.0.0.1:1',
    /^faultline start: REDIS_URL cannot be used: .*ECONNREFUSED.*; it must be redis:\/\/host:port of a Redis that answers, or absent for jobs in PostgreSQL$/,
  ],
  ['DATA_DIR', () => join(folder, 'file'), /^faultline start: DATA_DIR cannot be used: .*file'$/],
  ['HOST', () => '300.1.1.1', /^faultline start: HOST cannot be used: .*300\.1\.1\.1$/],
])('a %s that cannot be used ends the start with one line that names it', async (name, value, line) => {
  const program = spawn(process.execPath, ['src/cli/faultline.ts', 'start'], {
    env: {
      PATH: process.env.PATH,
      DATA_DIR: join(folder, name),
      ...(name !== 'DATA_DIR' && { DATABASE_URL: own.url }),
      HTTP_PORT: '0',
      MQTT_PORT: '0',
      LOG_LEVEL: 'silent',
      [name]: value(),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 120_000,
  });
  const closed = once(program, 'close');
  const stderr = (await program.stderr.setEncoding('utf8').toArray()).join('');
  const [status] = (await closed) as [number | null];
  expect({ status, lines: stderr.trim().split('\n') }).toEqual({ status: 1, lines: [expect.stringMatching(line)] });
});
