import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-start-'));
  await writeFile(join(folder, 'file'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
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
])('a %s that cannot be used ends the start with one line that names it', (name, value, line) => {
  const { status, stderr } = spawnSync(process.execPath, ['src/cli/faultline.ts', 'start'], {
    env: {
      PATH: process.env.PATH,
      DATA_DIR: join(folder, 'data'),
      HTTP_PORT: '0',
      MQTT_PORT: '0',
      LOG_LEVEL: 'silent',
      [name]: value(),
    },
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect({ status, lines: stderr.trim().split('\n') }).toEqual({ status: 1, lines: [expect.stringMatching(line)] });
});
