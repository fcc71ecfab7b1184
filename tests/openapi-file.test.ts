/**
 * The OpenAPI document as a file, so that a change of the interface is seen in review; what it says to tools that nobody here
 * wrote; and a client that is generated from it.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi } from './support/api.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const client = join(root, 'tests/generated-client');
const bin = (folder: string, name: string) => join(folder, 'node_modules/.bin', name);

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('openapi.json is the document that the program serves; `npm run openapi` writes it anew', async () => {
  const { json } = await api.call('GET', '/openapi.json');
  await expect(`${JSON.stringify(json, null, 2)}\n`).toMatchFileSnapshot('../openapi.json');
});

test('the document passes the recommended rules of Redocly', async () => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { stdout } = await run(bin(root, 'redocly'), ['lint', 'openapi.json', '--format=json'], {
    cwd: root,
    env,
    maxBuffer: 2 ** 26,
  });
  expect(JSON.parse(stdout).totals).toEqual({ errors: 0, warnings: 0, ignored: 0 });
});

test('O1, O2: a client generated from the document compiles strictly, and takes a work order from its creation to its completion', async () => {
  await run(bin(client, 'openapi-typescript'), ['../../openapi.json', '-o', 'generated/schema.d.ts'], { cwd: client });
  await run(bin(client, 'tsc'), ['-p', '.'], { cwd: client });
  const world = await makeWorld(api.database);
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { completeWorkOrder } = await import(join(client, 'generated/complete-work-order.js'));
  expect(await completeWorkOrder(url, world.key, world.ahuId)).toEqual(['open', 'in_progress', 'completed']);
});
