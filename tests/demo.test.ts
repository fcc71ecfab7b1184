import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { stopLeftPostgres } from '../src/platform/embedded-postgres.ts';
import { createLog } from '../src/platform/log.ts';
import { makeDataDir } from './support/program.ts';

/** The number of `error` in the lines of the log. */
const errorLevel = 50;

test.concurrent('the demonstration tells its story, each line with its time, to an open work order, and ends with 0', async (context) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const ended = await runDemo(context, [], port);
  taken.close();

  expect(ended.story).toMatch(new RegExp(`^HTTP_PORT ${port} is taken; using \\d+$`, 'm'));
  expectStory(ended, [
    /^\S+ {2}[\d.]+ readings\/s stored and acknowledged/m,
    /^\S+ {2}fault injected: the bearing of pump-1/m,
    ...toWorkOrder('pump-1'),
  ]);
});

test.concurrent('over OPC-UA the story begins with a certificate that is trusted and a server that is looked at', async (context) => {
  expectStory(await runDemo(context, ['--opcua']), [
    /^\S+ {2}OPC-UA server opc\.tcp:\S+ with 1002 variables/m,
    /^\S+ {2}connected to it: certificate_untrusted: /m,
    /^\S+ {2}trusted its certificate [0-9a-f]{16}/m,
    /^\S+ {2}found \d+ values there; \d+ rules of the mapping make 1001 of them points/m,
    /^\S+ {2}fault injected: the bearing of CHWP-1/m,
    ...toWorkOrder('CHWP-1'),
  ]);
});

type Ended = { readonly story: string; readonly log: string; readonly code: number | null };

async function runDemo({ onTestFinished }: TestContext, options: string[], port = 0): Promise<Ended> {
  const dataDir = await makeDataDir();
  const demo = spawn(process.execPath, ['src/cli/faultline.ts', 'demo', '--until', 'work-order', ...options], {
    env: { PATH: process.env.PATH, DATA_DIR: dataDir.path, HTTP_PORT: String(port), MQTT_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    if (demo.exitCode === null && demo.signalCode === null) {
      const exited = once(demo, 'exit');
      demo.kill('SIGKILL');
      await exited;
      // Its database is in a folder of its own below.
      await stopLeftPostgres(join(dataDir.path, `demo-${demo.pid}`), createLog('silent'));
    }
    await dataDir.remove();
  });
  let [story, log] = ['', ''];
  demo.stdout.on('data', (chunk: Buffer) => (story += chunk.toString()));
  demo.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const [code] = (await once(demo, 'close')) as [number | null];
  return { story, log, code };
}

const toWorkOrder = (asset: string) => [
  new RegExp(`^\\S+ {2}pending: \\S+ on ${asset}`, 'm'),
  new RegExp(`^\\S+ {2}firing: \\S+ on ${asset}: `, 'm'),
  /^\S+ {2}insight opened \(critical\): .* http:\/\/127\.0\.0\.1:\d+\/api\/v1\/insights\//m,
  /^\S+ {2}work order 1 opened \(\w+\): .* http:\/\/127\.0\.0\.1:\d+\/api\/v1\/work-orders\//m,
];

function expectStory({ story, log, code }: Ended, inOrder: readonly RegExp[]): void {
  const places = inOrder.map((line) => line.exec(story)?.index ?? -1);
  expect(places, story).toEqual([...places].sort((one, other) => one - other));
  expect(places, story).not.toContain(-1);
  expect({ code, complaints: log.split('\n').filter(isComplaint) }).toEqual({ code: 0, complaints: [] });
}

/** A slow machine may make the program warn; an error, or a line that is not the log's, it has no reason for. */
function isComplaint(line: string): boolean {
  if (line === '') return false;
  const level = /^\{"level":(\d+),/.exec(line)?.[1];
  return level === undefined || Number(level) >= errorLevel;
}
