/**
 * Late readings, made good: the assets that they touch are evaluated again by the same kernel, from the machines as they
 * were before the earliest of them to the shard's tick.
 *
 *   recorded machines:  ──normal──┬─pending─┬──firing───────────────┬─normal──▶ shard's tick
 *                                 └ start: a state whose clocks run is entered again where it began
 *                                      ▲ a late reading
 *
 * An insight shows the words of its last episode. Where it has been opened again since the start, the run begins before the
 * episode that it was in then, so that the words of that one are found again.
 *
 * Machines are kept for as long as late readings are repaired by themselves. A repair of before that, which somebody has asked
 * for, begins at its earliest instant with the machines that are known of then, and with the insights that stood.
 *
 * Suppression ties assets together, so those that are linked by `feeds` or `isPartOf` are evaluated together; and a late
 * reading touches every asset whose rules read its point, wherever that lies. Each tick is
 * evaluated by the version of the rules that evaluated it live, and versions follow each other as they did.
 */
import type { Db } from '../../platform/database.ts';
import { repairSpanMsMax } from '../../telemetry/append-store.ts';
import { bindAll, listAssetsRead } from '../kernel/bind.ts';
import type { Effect } from '../kernel/effect.ts';
import { listLinked } from '../kernel/families.ts';
import { type InsightMemory, type Machine, normalMachine } from '../kernel/machine.ts';
import type { Override } from '../language/override.ts';
import { builtInIds, type RuleSet } from '../language/rule.ts';
import type { Ran } from './ran.ts';
import { evaluateHistory, type MachineChanges, machineKey, openEvaluation } from './shard.ts';
import { deleteMachinesAfter, listMachinesAt, listReopened, type ModelAsset, type StoredMachine } from './store.ts';

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
  /** What evaluated a tick of the run. */
  readonly ranAt: (atMs: number) => Ran;
};

/** A version of the rules and the tick after which it evaluates. */
export type Version = { readonly fromMs: number; readonly ruleSet: RuleSet };

type Group = {
  readonly group: readonly ModelAsset[];
  /** All assets of the shard, among which inputs are found. */
  readonly assets: readonly ModelAsset[];
  readonly overrides: readonly Override[];
  readonly leastMs: number;
  readonly throughMs: number;
  /** Those that evaluated ticks after an instant, in order; the first one may have begun before it. */
  versionsSince(ms: number): Promise<readonly Version[]>;
  readonly listStanding: ListStanding;
};

/** The insights of some assets that stood at an instant, as their machines would remember them then. */
export type ListStanding = (
  trx: Db,
  at: { readonly assetIds: readonly string[]; readonly atMs: number },
) => Promise<readonly { readonly assetId: string; readonly ruleId: string; readonly insight: InsightMemory }[]>;

/** Evaluates a group of assets again from before `leastMs`, and forgets the machines recorded since; the caller saves the new ones. */
export async function repairGroup(trx: Db, input: Group): Promise<Repaired> {
  const { group, leastMs, throughMs } = input;
  const assetIds = group.map(({ asset }) => asset.id);
  const floorMs = Math.min(throughMs - repairSpanMsMax, leastMs - 1);
  const all = { assetIds, runs: null, tickMs: leastMs - 1, floorMs };
  // Versions are built from texts: those of before the start, of which there may be hundreds, are not asked for.
  const earliest = await findStart(trx, await beforeReopened(trx, all));
  const versions = await input.versionsSince(earliest.tickMs);
  const search = { ...all, runs: runsOf(versions, input) };
  const { tickMs, machines: recorded } = await findStart(trx, await beforeReopened(trx, search));
  const isRemembered = leastMs > throughMs - repairSpanMsMax;
  const machines = isRemembered ? recorded : await withStanding(trx, { ...input, search, tickMs, recorded });
  const spans = spansOf(versions, tickMs, throughMs);
  const { effects, changes } = await evaluateSpans(trx, { ...input, spans, machines });
  const machineOf = new Map(machines.map((stored) => [machineKey(stored), stored.machine]));
  const runs = runsOf(spans, input);
  const began = [...runs.values()].map((run) => ({ ...run, machine: machineOf.get(machineKey(run)) }));
  await deleteMachinesAfter(trx, { machines: began, tickMs });
  const ranAt = createRanAt(spans, input);
  return { assetIds, afterMs: tickMs, throughMs, machines: began, changes, episodes: toEpisodes(effects), ranAt };
}

type Forgotten = Pick<Group, 'listStanding'> & { search: Search; tickMs: number; recorded: StoredMachine[] };

/** Machines that were recorded, and for those that were forgotten since the insights that they had at that tick. */
async function withStanding(
  trx: Db,
  { listStanding, search: { assetIds, runs }, tickMs, recorded }: Forgotten,
): Promise<StoredMachine[]> {
  const known = new Set(recorded.map(machineKey));
  const standing = await listStanding(trx, { assetIds, atMs: tickMs });
  const forgotten = standing.filter((one) => runs?.has(machineKey(one)) && !known.has(machineKey(one)));
  const firing = forgotten.map(({ insight, ...run }): StoredMachine => {
    return { ...run, tickMs, machine: { ...normalMachine, state: 'firing', insight } };
  });
  return [...recorded, ...firing];
}

type Span = Version & { readonly toMs: number };

/** The stretches of (afterMs, throughMs] that one version each evaluates. */
function spansOf(versions: readonly Version[], afterMs: number, throughMs: number): Span[] {
  return versions.flatMap(({ fromMs, ruleSet }, i) => {
    const span = {
      ruleSet,
      fromMs: i === 0 ? afterMs : Math.max(fromMs, afterMs),
      toMs: Math.min(versions[i + 1]?.fromMs ?? throughMs, throughMs),
    };
    return span.toMs > span.fromMs ? [span] : [];
  });
}

function createRanAt(spans: readonly Span[], { assets, overrides }: Group): Repaired['ranAt'] {
  const rans = spans.map(({ ruleSet, toMs }) => ({ toMs, ran: { ruleSet, assets, overrides } }));
  return (atMs) => {
    const found = rans.find(({ toMs }) => atMs <= toMs) ?? rans.at(-1);
    if (!found) throw new Error('a repair without ticks has no effects');
    return found.ran;
  };
}

/** Evaluates span after span, each with the machines that the one before left: a change over, as live shards do it. */
async function evaluateSpans(
  trx: Db,
  {
    group,
    assets,
    overrides,
    spans,
    machines,
  }: Group & { readonly spans: readonly Span[]; readonly machines: StoredMachine[] },
): Promise<{ effects: Effect[]; changes: MachineChanges }> {
  const effects: Effect[] = [];
  const inserted = new Map<string, StoredMachine>();
  const clocks = new Map<string, StoredMachine>();
  const only = new Set(group.map(({ asset }) => asset.id));
  let known: StoredMachine[] = machines;
  for (const [i, { ruleSet, fromMs, toMs }] of spans.entries()) {
    const shard = await openEvaluation(trx, { ruleSet, overrides, assets, only, machines: known, tickMs: fromMs });
    // What had no rule when the repair begins was put to rest before; that stands.
    const retired = i === 0 ? { effects: [], inserted: [] } : shard.retired;
    const found = await evaluateHistory(trx, shard, toMs);
    for (const effect of [...retired.effects, ...found.effects]) effects.push(effect);
    // A machine that changes at the tick of a change over is put to rest at that tick as well: the later row counts.
    for (const machine of [...retired.inserted, ...found.changes.inserted])
      inserted.set(`${machineKey(machine)} ${machine.tickMs}`, machine);
    for (const machine of found.changes.clocks) clocks.set(machineKey(machine), machine);
    known = [...shard.rows.values()];
  }
  return { effects, changes: { inserted: [...inserted.values()], clocks: [...clocks.values()] } };
}

type Run = { readonly assetId: string; readonly ruleId: string };

/** Which rules of these versions run on which of the assets, built-in insights among them. */
function runsOf(
  versions: readonly Version[],
  { group, assets, overrides }: Pick<Group, 'group' | 'assets' | 'overrides'>,
): Map<string, Run> {
  const only = new Set(group.map(({ asset }) => asset.id));
  const runs = versions.flatMap(({ ruleSet }) =>
    bindAll(ruleSet, assets, overrides, only).flatMap(({ bound }, i) => {
      const { asset, points } = assets[i] as ModelAsset;
      const assetId = asset.id;
      const isWatched = only.has(assetId) && points.some(({ expectedSinceMs }) => expectedSinceMs !== undefined);
      const isConcerned = bound.length > 0 || isWatched;
      const ruleIds = isConcerned ? [...bound.map(({ rule }) => rule.id), ...builtInIds] : [];
      return ruleIds.map((ruleId) => ({ assetId, ruleId }));
    }),
  );
  return new Map(runs.map((run) => [machineKey(run), run]));
}

type Search = {
  readonly assetIds: readonly string[];
  /** The rules that count on each asset; null: all that there is a machine of. */
  readonly runs: ReadonlyMap<string, Run> | null;
  readonly tickMs: number;
  readonly floorMs: number;
};

/** The search from before the episodes whose words have given way to those of a later one. */
async function beforeReopened(trx: Db, search: Search): Promise<Search> {
  const { tickMs, machines } = await findStart(trx, search);
  const reopened = await listReopened(trx, { assetIds: search.assetIds, tickMs });
  const episodesOf = new Map(reopened.map((one) => [`${machineKey(one)} ${one.openedAt}`, one.episodes]));
  const began = machines.flatMap((stored) => {
    const { insight } = stored.machine;
    if (!insight || (episodesOf.get(`${machineKey(stored)} ${insight.openedAt}`) ?? 0) <= insight.episodes) return [];
    return insight.episodeStarts.slice(-1);
  });
  return { ...search, tickMs: Math.max(Math.min(search.tickMs, ...began.map((ms) => ms - 1)), search.floorMs) };
}

/**
 * The latest instant not after `tickMs` at which every machine is known exactly: one whose clock runs is so only on entry.
 * A clock that has stood still since before `floorMs`, for want of data, is taken as it was on entry.
 */
async function findStart(trx: Db, search: Search): Promise<{ tickMs: number; machines: StoredMachine[] }> {
  const { assetIds, runs, tickMs, floorMs } = search;
  const found = await listMachinesAt(trx, { assetIds, tickMs });
  const machines = runs === null ? found : found.filter((stored) => runs.has(machineKey(stored)));
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

type Touching = Pick<Group, 'assets' | 'overrides'> & {
  /** Those that evaluated ticks since the earliest of the late readings. */
  readonly versions: readonly Version[];
  readonly late: readonly { assetId: string; timeMs: number }[];
};

/** The groups of linked assets that late readings touch, each with the least of their times. */
export function touchedGroups({ late, ...input }: Touching): { group: ModelAsset[]; leastMs: number }[] {
  const { assets } = input;
  const readers = listReaders(input);
  const least = new Map<string, number>();
  for (const { assetId, timeMs } of late) {
    for (const id of [assetId, ...(readers.get(assetId) ?? [])])
      least.set(id, Math.min(timeMs, least.get(id) ?? Number.POSITIVE_INFINITY));
  }
  return listLinked(assets).flatMap((group) => {
    const times = group.flatMap(({ asset }) => least.get(asset.id) ?? []);
    return times.length === 0 ? [] : [{ group, leastMs: Math.min(...times) }];
  });
}

/** For each asset that others read a point of, under any of the versions, who these are. */
function listReaders({ assets, overrides, versions }: Omit<Touching, 'late'>): Map<string, Set<string>> {
  const readers = new Map<string, Set<string>>();
  for (const { ruleSet } of versions) {
    if (ruleSet.rules.every(({ inputs }) => inputs.every(({ from }) => from.every(({ kind }) => kind === 'self'))))
      continue;
    for (const [i, binding] of bindAll(ruleSet, assets, overrides).entries()) {
      const reader = (assets[i] as ModelAsset).asset.id;
      for (const id of listAssetsRead(binding)) readers.set(id, (readers.get(id) ?? new Set()).add(reader));
    }
  }
  return readers;
}
