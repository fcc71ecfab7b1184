/**
 * The demonstration over OPC-UA: a chilled-water plant behind a server with security on, which the program is told of through
 * its own API, as an integrator would.
 *
 *   connection ─▶ test: its certificate is not known ─▶ trusted ─▶ browsed, mapped ─▶ items ─▶ values
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { firstSite } from '../access/bootstrap.ts';
import type { DemoPlant, PlantStage } from './demo-plant.ts';

const mappingFile = join(import.meta.dirname, '../../simulators/opcua/mapping.yaml');
const username = 'operator';
const countEveryMs = 1_000;
const answerMsMax = 30_000;

/** Starts the server, and connects the program to it; rejects with what the API has answered. */
export async function startOpcuaPlant({ faultline, tell, timeScale }: PlantStage): Promise<DemoPlant> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-demo-opcua-'));
  const password = randomBytes(12).toString('hex');
  const { startOpcuaPlant: startServer } = await loadSimulator();
  const plant = await startServer({
    port: 0,
    timeScale,
    everySeconds: timeScale,
    security: {
      folder,
      users: new Map([[username, password]]),
      allowsAnonymous: false,
      allowsNone: false,
      onlyTrustedClients: false,
    },
    command: () => 'faults are switched by the demonstration',
  });
  tell(
    `OPC-UA server ${plant.endpointUrl} with ${plant.variables} variables: a chiller, its pumps, a tower, fan coils`,
  );
  const ask = createAsking(faultline.apiUrl, faultline.made.apiKey ?? '');
  const stopping = new AbortController();
  const committed = { count: 0 };
  const counting = count(faultline.apiUrl, committed, stopping.signal);
  const close = async () => {
    stopping.abort();
    await counting;
    await plant.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await connect(ask, { endpointUrl: plant.endpointUrl, password, tell });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    inject: () => {
      plant.faults.inject('bearing-wear');
      return 'the bearing of CHWP-1 begins to wear';
    },
    acknowledged: () => committed.count,
    close,
  };
}

/** Apart from the program: the library that it stands on is for developers, and takes a second to load. */
function loadSimulator() {
  return import('../../simulators/opcua/opcua-plant.ts').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new Error('the simulated OPC-UA server needs what `npm install` installs for developers', { cause });
  });
}

type Ask = <Answer>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => Promise<Answer>;
type Trial = { readonly works: boolean; readonly reason: string | null; readonly detail: string | null };
type Discovered = {
  readonly reason: string | null;
  readonly detail: string | null;
  readonly values: number;
  readonly items_made: number;
};
type Connecting = { readonly endpointUrl: string; readonly password: string; readonly tell: (text: string) => void };

async function connect(ask: Ask, { endpointUrl, password, tell }: Connecting): Promise<void> {
  const { id } = await ask<{ id: string }>('POST', 'opcua-connections', {
    name: 'Chiller plant',
    site: firstSite.slug,
    endpoint_url: endpointUrl,
    identity: { kind: 'username', username, password },
    publishing_interval_ms: 500,
    sampling_interval_ms: 500,
  });
  const first = await ask<Trial>('POST', `opcua-connections/${id}/test`);
  tell(`connected to it: ${first.works ? 'works' : `${first.reason}: ${first.detail}`}`);
  type Rejected = { readonly id: string; readonly fingerprint: string };
  for (const certificate of await ask<Rejected[]>('GET', 'opcua-certificates?state=rejected')) {
    await ask('POST', `opcua-certificates/${certificate.id}/trust`);
    tell(`trusted its certificate ${certificate.fingerprint.slice(0, 16)}…`);
  }
  const second = await ask<Trial>('POST', `opcua-connections/${id}/test`);
  if (!second.works) throw new Error(`the connection does not work: ${second.reason}: ${second.detail}`);
  const { rules } = parse(await readFile(mappingFile, 'utf8')) as { rules: object[] };
  await ask('PUT', `opcua-connections/${id}/mapping`, { rules });
  const found = await ask<Discovered>('POST', `opcua-connections/${id}/discover`, { apply: true });
  if (found.reason !== null) throw new Error(`the server could not be looked at: ${found.reason}: ${found.detail}`);
  tell(
    `found ${found.values} values there; ${rules.length} rules of the mapping make ${found.items_made} of them points`,
  );
}

function createAsking(apiUrl: string, apiKey: string): Ask {
  return async (method, path, body) => {
    const response = await fetch(`${apiUrl}/api/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMsMax),
    });
    if (!response.ok)
      throw new Error(`${method} ${path} was answered with ${response.status}: ${await response.text()}`);
    const { data } = (await response.json()) as { data: never };
    return data;
  };
}

/** No device acknowledges over OPC-UA; the program counts what it has stored. */
async function count(apiUrl: string, committed: { count: number }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const text = await fetch(`${apiUrl}/metrics`, { signal })
      .then((response) => response.text())
      .catch(() => '');
    committed.count = Number(/^faultline_ingest_readings_committed_total (\d+)$/m.exec(text)?.[1] ?? committed.count);
    await sleep(countEveryMs, undefined, { signal }).catch(() => undefined);
  }
}
