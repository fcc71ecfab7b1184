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
import { repairSpanMsMax } from '../telemetry/append-store.ts';
import { bind } from './bind.ts';
import type { Effect } from './effect.ts';
import type { Machine } from './machine.ts';
import type { RuleSet } from './rule.ts';
import { evaluateHistory, type MachineChanges, machineKey, openEvaluation } from './shard.ts';
import { deleteMachinesAfter, listMachinesAt, type ModelAsset, type StoredMachine } from './store.ts';

/** An insight as the effects of a run tell it: its opening if that lay in the run, and all that followed. */
export type Episode = {
  readonly ruleId: string;
  readonly assetId: string;
  readonly openedAt: number;
  readonly effects: readonly Effect[];
};

/** What a run found, for every rule that runs on these assets and for no other. */
export type Repaired = {
  readonly assetIds: readonly string[];
  /** The run began after this tick and went through that one; what was recorded until it began stands. */
  readonly afterMs: number;
  readonly throughMs: number;
  /** The machines of the rules that ran, as they were when the run began; undefined is a machine at rest. */
  readonly machines: readonly { assetId: string; ruleId: string; machine: Machine | undefined }[];
  readonly changes: MachineChanges;
  readonly episodes: readonly Episode[];
};

type Group = { group: ModelAsset[]; leastMs: number; throughMs: number; ruleSet: RuleSet };

/** Evaluates a group of assets again from before `leastMs`, and forgets the machines recorded since; the caller saves the new ones. */
export async function repairGroup(trx: Db, { group, leastMs, throughMs, ruleSet }: Group): Promise<Repaired> {
  const assetIds = group.map(({ asset }) => asset.id);
  const runs = runsOf(ruleSet, group);
  const floorMs = throughMs - repairSpanMsMax;
  const { tickMs, machines } = await findStart(trx, {
    assetIds,
    runs,
    tickMs: Math.max(leastMs - 1, floorMs),
    floorMs,
  });
  const shard = await openEvaluation(trx, { ruleSet, assets: group, machines, tickMs });
  const { effects, changes } = await evaluateHistory(trx, shard, throughMs);
  const machineOf = new Map(machines.map((stored) => [machineKey(stored), stored.machine]));
  const began = [...runs.values()].map((run) => ({ ...run, machine: machineOf.get(machineKey(run)) }));
  await deleteMachinesAfter(trx, { machines: began, tickMs });
  return { assetIds, afterMs: tickMs, throughMs, machines: began, changes, episodes: toEpisodes(effects) };
}

type Run = { readonly assetId: string; readonly ruleId: string };

/** Which rules run on which of the assets. */
function runsOf(ruleSet: RuleSet, group: readonly ModelAsset[]): Map<string, Run> {
  const runs = group.flatMap(({ asset, points }) =>
    bind(ruleSet, asset, [...points]).bound.map(({ rule }) => ({ assetId: asset.id, ruleId: rule.id })),
  );
  return new Map(runs.map((run) => [machineKey(run), run]));
}

type Search = {
  readonly assetIds: readonly string[];
  readonly runs: ReadonlyMap<string, Run>;
  readonly tickMs: number;
  readonly floorMs: number;
};

/**
 * The latest instant not after `tickMs` at which every machine is known exactly: one whose clock runs is so only on entry.
 * A clock that has stood still since before `floorMs`, for want of data, is taken as it was on entry.
 */
async function findStart(trx: Db, search: Search): Promise<{ tickMs: number; machines: StoredMachine[] }> {
  const { assetIds, runs, tickMs, floorMs } = search;
  const machines = (await listMachinesAt(trx, { assetIds, tickMs })).filter((stored) => runs.has(machineKey(stored)));
  const running = machines.filter(({ machine }) => machine.state === 'pending' || machine.state === 'clearing');
  const earliest = Math.max(Math.min(tickMs, ...running.map((stored) => stored.tickMs)), floorMs);
  return earliest >= tickMs ? { tickMs, machines } : findStart(trx, { ...search, tickMs: earliest });
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

/** The groups of linked assets that late readings touch, each with the least of their times. */
export function touchedGroups(
  assets: readonly ModelAsset[],
  late: readonly { assetId: string; timeMs: number }[],
): { group: ModelAsset[]; leastMs: number }[] {
  const least = new Map(late.map(({ assetId, timeMs }) => [assetId, timeMs]));
  return linkedGroups(assets).flatMap((group) => {
    const times = group.flatMap(({ asset }) => least.get(asset.id) ?? []);
    return times.length === 0 ? [] : [{ group, leastMs: Math.min(...times) }];
  });
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
