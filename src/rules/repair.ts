/**
 * Late readings, made good: the assets that they touch are evaluated again by the same kernel, from the machines as they
 * were before the earliest of them to the shard's tick.
 *
 *   recorded machines:  ──normal──┬─pending─┬──firing───────────────┬─normal──▶ shard's tick
 *                                 └ start: a state whose clocks run is entered again where it began
 *                                      ▲ a late reading
 *
 * Suppression ties assets together, so those that are linked by `feeds` or `isPartOf` are evaluated together.
 */
import type { Db } from '../platform/database.ts';
import { readHistory } from '../telemetry/history-store.ts';
import type { Effect } from './effect.ts';
import type { RuleSet } from './rule.ts';
import { evaluateTicks, type MachineChanges, openEvaluation } from './shard.ts';
import { deleteMachinesAfter, listMachinesAt, type ModelAsset, type StoredMachine } from './store.ts';

/** An insight as the effects of a run tell it: its opening if that lay in the run, and all that followed. */
export type Episode = {
  readonly ruleId: string;
  readonly assetId: string;
  readonly openedAt: number;
  readonly effects: readonly Effect[];
};

export type RepairedGroup = {
  readonly assetIds: readonly string[];
  /** The run began after this tick; what was recorded until then stands. */
  readonly afterMs: number;
  readonly changes: MachineChanges;
  readonly episodes: readonly Episode[];
};

type LateReadings = {
  readonly assets: readonly ModelAsset[];
  readonly late: readonly { assetId: string; timeMs: number }[];
  readonly throughMs: number;
  readonly ruleSet: RuleSet;
};

/** Evaluates again what late readings touch, and forgets the machines recorded since; the caller saves the new ones. */
export async function repairAssets(
  trx: Db,
  { assets, late, throughMs, ruleSet }: LateReadings,
): Promise<RepairedGroup[]> {
  const least = new Map(late.map(({ assetId, timeMs }) => [assetId, timeMs]));
  const repaired: RepairedGroup[] = [];
  for (const group of linkedGroups(assets)) {
    const times = group.flatMap(({ asset }) => least.get(asset.id) ?? []);
    if (times.length === 0) continue;
    repaired.push(await repairGroup(trx, { group, leastMs: Math.min(...times), throughMs, ruleSet }));
  }
  return repaired;
}

type Group = { group: ModelAsset[]; leastMs: number; throughMs: number; ruleSet: RuleSet };

async function repairGroup(trx: Db, { group, leastMs, throughMs, ruleSet }: Group): Promise<RepairedGroup> {
  const assetIds = group.map(({ asset }) => asset.id);
  const { tickMs, machines } = await findStart(trx, assetIds, leastMs - 1);
  const evaluation = await openEvaluation(trx, { ruleSet, assets: group, machines, tickMs });
  const seriesIds = group.flatMap(({ points }) => points.map((point) => point.seriesId));
  const readings = await readHistory(trx, { seriesIds, afterMs: tickMs, throughMs });
  const { effects, changes } = evaluateTicks(evaluation, readings, throughMs);
  await deleteMachinesAfter(trx, { assetIds, tickMs });
  return { assetIds, afterMs: tickMs, changes, episodes: toEpisodes(effects) };
}

/** The latest instant not after `tickMs` at which every machine is known exactly: one whose clock runs is so only on entry. */
async function findStart(
  trx: Db,
  assetIds: readonly string[],
  tickMs: number,
): Promise<{ tickMs: number; machines: StoredMachine[] }> {
  const machines = await listMachinesAt(trx, { assetIds, tickMs });
  const running = machines.filter(({ machine }) => machine.state === 'pending' || machine.state === 'clearing');
  const earliest = Math.min(tickMs, ...running.map((stored) => stored.tickMs));
  return earliest === tickMs ? { tickMs, machines } : findStart(trx, assetIds, earliest);
}

function toEpisodes(effects: readonly Effect[]): Episode[] {
  const episodes = new Map<string, Episode & { effects: Effect[] }>();
  for (const effect of effects) {
    if (!('openedAt' in effect)) continue;
    const { ruleId, assetId, openedAt } = effect;
    const key = `${ruleId} ${assetId} ${openedAt}`;
    const episode = episodes.get(key) ?? { ruleId, assetId, openedAt, effects: [] };
    episode.effects.push(effect);
    episodes.set(key, episode);
  }
  return [...episodes.values()];
}

/** The assets in sets that are closed under `upstream`, in either direction. */
function linkedGroups(assets: readonly ModelAsset[]): ModelAsset[][] {
  const parent = new Map(assets.map(({ asset }) => [asset.id, asset.id]));
  const find = (id: string): string => {
    let root = id;
    for (let above = parent.get(root); above !== undefined && above !== root; above = parent.get(root)) root = above;
    parent.set(id, root);
    return root;
  };
  for (const { asset } of assets) {
    for (const above of asset.upstream ?? []) if (parent.has(above)) parent.set(find(asset.id), find(above));
  }
  const groups = new Map<string, ModelAsset[]>();
  for (const one of assets) {
    const root = find(one.asset.id);
    groups.set(root, [...(groups.get(root) ?? []), one]);
  }
  return [...groups.values()];
}
