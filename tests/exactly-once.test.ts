/**
 * The program is killed with SIGKILL at random instants around the firing of a rule, and started again on its data. The
 * device goes on measuring meanwhile and sends what it could not send. Each fault must end as one insight, opened at the
 * tick at which it would have opened had nothing happened, and one work order.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createRandom } from '../src/rules/kernel/replay.ts';
import { connectGateway, type Gateway } from './support/gateway.ts';
import { findLowPort } from './support/low-port.ts';
import { type DataDir, eventually, makeDataDir, type Program, startProgram } from './support/program.ts';

const rounds = 4;
/** Each kill finds so many faults, each at another instant of its own. */
const faultsAtOnce = 3;
const seed = Date.now() % 2 ** 32;
const random = createRandom(seed);
const tickMs = 1_000; // `every: 1m` under TIME_SCALE 60.
const forMs = 2_000;
const healthyMs = 1_500;
/** Kills fall between these, counted from the first faulty reading: before it, so that it comes late, and after the work order. */
const [firstKillMs, lastKillMs] = [-1_200, 4_000];

const Insights = z.object({
  data: z.array(z.object({ id: z.string(), rule_id: z.string(), opened_at: z.coerce.date(), status: z.string() })),
});
const WorkOrders = z.object({ data: z.array(z.object({ id: z.string(), insight: z.string() })) });
const Assets = z.object({ data: z.array(z.object({ id: z.string(), name: z.string() })) });

let dataDir: DataDir;
let env: Record<string, string>;
let program: Program;
let gateway: Gateway;

beforeAll(async () => {
  dataDir = await makeDataDir();
  env = {
    HTTP_PORT: String(await findLowPort()),
    MQTT_PORT: String(await findLowPort()),
    RULES_DIR: 'tests/fixtures/rules',
    TIME_SCALE: '60',
    GRACE: '500ms',
  };
  program = await startProgram({ dataDir: dataDir.path, env });
  gateway = await connectGateway(program);
});

afterAll(async () => {
  await gateway?.close();
  await program?.kill('SIGTERM');
  await dataDir?.remove();
});

test(`${rounds} kills, each around the firing of ${faultsAtOnce} rules, leave one insight and one work order each, opened at the right tick`, async () => {
  const faults: { name: string; expected: number; told: string }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const killsAfterMs = Array.from(
      { length: faultsAtOnce },
      () => firstKillMs + random() * (lastKillMs - firstKillMs),
    );
    const killAt = Date.now() + healthyMs + Math.max(...killsAfterMs);
    const under = killsAfterMs.map((killAfterMs, i) => {
      const name = `pump-${round}-${i + 1}`;
      const told = `seed ${seed}, round ${round}, killed ${Math.round(killAfterMs)} ms after the fault began`;
      const faultAt = Math.round(killAt - killAfterMs);
      const expected = Math.ceil(faultAt / tickMs) * tickMs + forMs;
      return { name, told, expected, measuring: measure(name, faultAt) };
    });
    await sleep(killAt - Date.now());
    await program.kill('SIGKILL');
    program = await startProgram({ dataDir: dataDir.path, env });
    for (const { name, told, expected, measuring } of under) {
      await eventually(`a work order for ${name}, ${told}`, async () =>
        (await workOrdersOf(name)).length > 0 ? true : undefined,
      );
      await measuring.end();
      faults.push({ name, told, expected });
    }
  }
  await sleep(2 * tickMs); // Whatever else is going to be opened has had its chance.
  for (const { name, expected, told } of faults) {
    const insights = await insightsOf(name);
    expect(
      insights.map(({ opened_at }) => opened_at.getTime() - expected),
      told,
    ).toEqual([0]);
    expect(
      (await workOrdersOf(name)).map(({ insight }) => insight),
      told,
    ).toEqual(insights.map(({ id }) => id));
  }
});

/** Publishes a reading each 100 ms with its own time, faulty ones from an instant on, until it is told to end. */
function measure(name: string, faultAt: number): { end(): Promise<void> } {
  let isEnding = false;
  const measuring = (async () => {
    const sent: Promise<void>[] = [];
    for (let time = faultAt - healthyMs; !isEnding; time += 100) {
      await sleep(Math.max(0, time - Date.now()));
      const value = time < faultAt ? 2 : 9;
      sent.push(gateway.publish(`telemetry/main/${name}/vibration`, JSON.stringify({ value, time })));
    }
    await Promise.all(sent);
  })();
  return {
    end: () => {
      isEnding = true;
      return measuring;
    },
  };
}

async function assetIdOf(name: string): Promise<string | undefined> {
  const { body } = await program.get('/api/v1/assets?limit=200');
  return Assets.parse(body).data.find((asset) => asset.name === name)?.id;
}

async function insightsOf(name: string) {
  const assetId = await assetIdOf(name);
  if (assetId === undefined) return [];
  const { body } = await program.get(`/api/v1/insights?asset_id=${assetId}`);
  return Insights.parse(body).data.filter(({ rule_id }) => rule_id === 'too-high');
}

async function workOrdersOf(name: string) {
  const insights = new Set((await insightsOf(name)).map(({ id }) => id));
  const { body } = await program.get('/api/v1/work-orders?limit=200');
  return WorkOrders.parse(body).data.filter(({ insight }) => insights.has(insight));
}
