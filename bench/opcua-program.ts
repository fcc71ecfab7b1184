/** The program's part of the benchmark, asked for by its API as any integrator would. */
import { type Load, loadNamespace } from './opcua-others.ts';
import type { OwnProgram } from './program.ts';

export type Wanted = { readonly load: Load; readonly items: number; readonly publishingIntervalMs: number };

const samplingIntervalMs = 100;
/** Queues of a thousand values. */
const bridgeMs = 90_000;
const itemsAtOnce = 5_000;
const pointsOfAsset = 100;

/** Makes a connection to the server and an item for each of its nodes; rejects with what the API has answered. */
export async function connectProgram(program: OwnProgram, wanted: Wanted): Promise<void> {
  const { id } = (await post(program, 'opcua-connections', {
    name: 'Benchmark',
    site: 'main',
    endpoint_url: wanted.load.endpointUrl,
    security: { mode: 'none', policy: 'none' },
    publishing_interval_ms: wanted.publishingIntervalMs,
    sampling_interval_ms: samplingIntervalMs,
    bridge_ms: bridgeMs,
    history: 'off',
  })) as { id: string };
  for (let start = 0; start < wanted.items; start += itemsAtOnce) {
    const count = Math.min(itemsAtOnce, wanted.items - start);
    const items = Array.from({ length: count }, (_, at) => itemOf(start + at));
    await post(program, `opcua-connections/${id}/items`, { items });
  }
}

function itemOf(index: number) {
  return {
    node: `nsu=${loadNamespace};s=n${index}`,
    asset: `asset-${Math.floor(index / pointsOfAsset)}`,
    point: `point-${index % pointsOfAsset}`,
  };
}

async function post(program: OwnProgram, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${program.apiUrl}/api/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${program.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${path} was answered with ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { data: unknown }).data;
}
