import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { makeDataDir } from './support/program.ts';

test('the demonstration tells its story, each line with its time, to an open work order, and ends with 0', async () => {
  const dataDir = await makeDataDir();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const child = spawn(process.execPath, ['src/cli/faultline.ts', 'demo', '--until', 'work-order'], {
    env: { PATH: process.env.PATH, DATA_DIR: dataDir.path, HTTP_PORT: String(port), MQTT_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [story, complaints] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (story += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  taken.close();
  await dataDir.remove();

  expect(story).toMatch(new RegExp(`^HTTP_PORT ${port} is taken; using \\d+$`, 'm'));
  const inOrder = [
    /^\S+ {2}[\d.]+ readings\/s stored and acknowledged/m,
    /^\S+ {2}fault injected: the bearing of pump-1/m,
    /^\S+ {2}pending: \S+ on pump-1/m,
    /^\S+ {2}firing: \S+ on pump-1: /m,
    /^\S+ {2}insight opened \(critical\): .* http:\/\/127\.0\.0\.1:\d+\/api\/v1\/insights\//m,
    /^\S+ {2}work order 1 opened \(\w+\): .* http:\/\/127\.0\.0\.1:\d+\/api\/v1\/work-orders\//m,
  ];
  const places = inOrder.map((line) => line.exec(story)?.index ?? -1);
  expect(places, story).toEqual([...places].sort((one, other) => one - other));
  expect(places, story).not.toContain(-1);
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
});
