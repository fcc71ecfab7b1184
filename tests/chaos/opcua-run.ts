/**
 * A server of numbered samples is read while everything between it and the table breaks, one thing after the other; at the end
 * each number that the server made is looked for: it is stored, or a recorded gap has it, or it is lost without a word.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/opcua-proxy.ts';
import { type OpcuaServer, startOpcuaServer } from '../support/opcua-server.ts';
import { addConnection, addTenant, gapsOf, numberedItems } from '../support/opcua-stage.ts';
import { eventually, type Program, startProgram } from '../support/program.ts';
import { judgeNumbers, type NumbersVerdict } from './opcua-verdict.ts';
import { startChaosServer } from './server.ts';

export type OpcuaChaosOptions = {
  readonly items: number;
  /** How long each trouble lasts, in seconds. */
  readonly cut: number;
  readonly dropped: number;
  readonly frozen: number;
  readonly serverAway: number;
  readonly programAway: number;
  /** Whether the server keeps history, also over its restart. */
  readonly history: boolean;
  readonly say: (line: string) => void;
};

export type Trouble = 'link cut' | 'packets dropped' | 'server frozen' | 'server killed' | 'program killed';

export type OpcuaChaosReport = {
  readonly verdict: NumbersVerdict;
  /** From the end of each trouble until a sample was stored that was made after it, in seconds. */
  readonly recoveredAfter: ReadonlyMap<Trouble, number>;
  readonly gaps: readonly { readonly reason: string; readonly state: string; readonly detail: string | null }[];
};

const hz = 10;
const bridgeMs = 120_000;
const calmMs = 4_000;

type Scene = {
  readonly server: OpcuaServer;
  readonly proxy: CuttingProxy;
  readonly database: Database;
  readonly connectionId: string;
  readonly start: () => Promise<Program>;
  program: Program;
};

/** Runs each trouble once, and then until all is calm. Throws where it never is, or where the program ends by itself. */
export async function runOpcuaChaos(options: OpcuaChaosOptions): Promise<OpcuaChaosReport> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-opcua-chaos-'));
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const scene = await openScene(options, { folder, closing });
    closing.push(() => scene.program.kill('SIGTERM'));
    const first = await eventually('all items are read', () => readNumber(scene, -1));
    const recoveredAfter = new Map<Trouble, number>();
    for (const [trouble, happen] of troublesOf(options)) {
      await sleep(calmMs);
      options.say(`${trouble}, with number ${await scene.server.lastNumber()} made`);
      await happen(scene);
      const since = performance.now();
      const made = await scene.server.lastNumber();
      await eventually(`a number after ${made} is stored`, () => readNumber(scene, made), 60_000);
      recoveredAfter.set(trouble, (performance.now() - since) / 1_000);
    }
    await scene.server.pause();
    const last = await scene.server.lastNumber();
    await eventually('nothing is waiting any more', () => isCalm(scene, last), 90_000);
    const verdict = await judgeNumbers(scene, { first, last });
    return { verdict, recoveredAfter, gaps: await gapsOf(scene.database, scene.connectionId) };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

type Opening = { readonly folder: string; readonly closing: (() => Promise<unknown>)[] };

async function openScene({ items, history }: OpcuaChaosOptions, { folder, closing }: Opening): Promise<Scene> {
  const postgres = await startChaosServer(folder);
  closing.push(() => postgres.end('SIGINT'));
  const server = await startOpcuaServer({ items, hz, history });
  closing.push(() => server.stop());
  const proxy = await startCuttingProxy(server.port);
  closing.push(() => proxy.close());
  const start = () =>
    startProgram({
      dataDir: join(folder, 'program'),
      env: { DATABASE_URL: postgres.url, SECRET: 'a secret of the tests, long enough for it' },
    });
  const program = await start();
  const database = openDatabase(postgres.url, { connectionsMax: 2, log: createLog('silent') });
  closing.push(() => database.close());
  const { id } = await addConnection(database, await addTenant(database), {
    endpoint_url: `opc.tcp://127.0.0.1:${proxy.port}`,
    bridge_ms: bridgeMs,
    publishing_interval_ms: 500,
    items: numberedItems(items),
  });
  return { server, proxy, database, connectionId: id, start, program };
}

function troublesOf(options: OpcuaChaosOptions): [Trouble, (scene: Scene) => Promise<void>][] {
  const lasting = (seconds: number) => sleep(seconds * 1_000);
  return [
    [
      'link cut',
      async ({ proxy }) => {
        proxy.cut();
        await lasting(options.cut);
        proxy.heal();
      },
    ],
    [
      'packets dropped',
      async ({ proxy }) => {
        proxy.drop();
        await lasting(options.dropped);
        proxy.heal();
      },
    ],
    [
      'server frozen',
      async ({ server }) => {
        server.freeze();
        await lasting(options.frozen);
        server.thaw();
      },
    ],
    [
      'server killed',
      async ({ server }) => {
        await server.kill();
        await lasting(options.serverAway);
        await server.restart();
      },
    ],
    [
      'program killed',
      async (scene) => {
        await scene.program.kill('SIGKILL');
        await lasting(options.programAway);
        scene.program = await scene.start();
      },
    ],
  ];
}

/** A number above `above` that the first item and the last one both have. */
async function readNumber({ database, connectionId }: Scene, above: number): Promise<number | undefined> {
  const { rows } = await database.pool.query<{ number: number | null }>(
    `select min(newest)::float8 as number from (
       select max(r.value) as newest from opcua_item i join asset a on a.site_id = i.site_id and a.name = i.asset
         join point p on p.asset_id = a.id and p.name = i.point left join reading r on r.series_id = p.series_id
       where i.connection_id = $1
         and i.id in (1, (select max(id) from opcua_item where connection_id = $1)) group by i.id having count(r.value) > 0
     ) as of_item having count(*) = 2`,
    [connectionId],
  );
  const number = rows[0]?.number ?? -1;
  return number > above ? number : undefined;
}

async function isCalm(scene: Scene, last: number): Promise<true | undefined> {
  if ((await readNumber(scene, last - 1)) === undefined) return undefined;
  const gaps = await gapsOf(scene.database, scene.connectionId);
  return gaps.every(({ state }) => state !== 'open' && state !== 'filling') ? true : undefined;
}
