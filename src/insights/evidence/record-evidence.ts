/**
 * Records, in the transaction of the insight itself, what its evidence is made of:
 *
 *   opened, reopened ──▶ an episode, and what serves the inputs      resolved ──▶ the end of the last episode
 *   the model, the rules or the overrides have changed ──▶ what serves the inputs of open insights from now on
 */
import type { Db } from '../../platform/database.ts';
import type { Effect } from '../../rules/kernel/effect.ts';
import type { Ran } from '../../rules/live/ran.ts';
import { keyOf } from '../insight-key.ts';
import { endEpisode, listOpenRecords, recordEpisode, recordInputs, updateLimits } from './evidence-record-store.ts';
import { createSources, type FindSource, type Limits, shownAround } from './evidence-source.ts';

/** What evaluated the tick at an instant. */
export type RanAt = (atMs: number) => Ran;

/** Finds sources at any tick; what was prepared for one state of the model serves all ticks that it evaluated. */
export function sourcesAt(ranAt: RanAt): (atMs: number) => FindSource {
  const known = new Map<Ran, FindSource>();
  return (atMs) => {
    const ran = ranAt(atMs);
    const find = known.get(ran) ?? createSources(ran);
    known.set(ran, find);
    return find;
  };
}

/** Writes what an effect, which has been applied, says about the evidence of its insight. */
export async function recordEvidence(trx: Db, effect: Effect, find: (atMs: number) => FindSource): Promise<void> {
  if (effect.kind !== 'opened' && effect.kind !== 'reopened' && effect.kind !== 'resolved') return;
  const key = keyOf(effect);
  if (effect.kind === 'resolved') return endEpisode(trx, key, effect.clearedAt);
  const { kind, ruleVersion, at, startedAt: startedMs } = effect;
  const source = find(at)(key, at) ?? nothing;
  await recordEpisode(trx, { key, isFirst: kind === 'opened', ruleVersion, openedMs: at, startedMs, source });
}

const nothing = { ...shownAround, limits: [], inputs: [] };

const recordsPerStatement = 500;
const limitsKept = 200;

/** Notes which points serve the inputs of insights that are open, and with which parameters, since `tickMs`. */
export async function rebindEvidence(trx: Db, ran: Ran, tickMs: number): Promise<void> {
  const open = await listOpenRecords(
    trx,
    ran.assets.map(({ asset }) => asset.id),
  );
  const find = createSources(ran);
  const found = open.flatMap((record) => {
    const source = find(record, tickMs);
    return source ? [{ record, source }] : [];
  });
  const served = found
    .filter(({ record, source }) =>
      source.inputs.some(({ name, pointId }) => !Object.hasOwn(record.served, name) || record.served[name] !== pointId),
    )
    .map(({ record, source }) => ({ insightId: record.insightId, inputs: source.inputs }));
  for (let i = 0; i < served.length; i += recordsPerStatement)
    await recordInputs(trx, served.slice(i, i + recordsPerStatement), tickMs);
  const changed = found.flatMap(({ record, source }) => {
    const limits = followLimits(record.limits, source.limits, tickMs);
    if (limits.map(textOf).join() === record.limits.map(textOf).join()) return [];
    return [{ insightId: record.insightId, openedAt: record.openedAt, limits }];
  });
  await updateLimits(trx, changed);
}

/** What was recorded up to a tick, then what is known now; times at which nothing changes are left out. */
function followLimits(recorded: readonly Limits[], now: readonly Limits[], tickMs: number): Limits[] {
  const all = [...recorded.filter(({ since }) => Date.parse(since) <= tickMs), ...now];
  const kept = all.filter((one, i) => i === 0 || valuesOf(one) !== valuesOf(all[i - 1] as Limits));
  return kept.slice(-limitsKept);
}

function textOf(limits: Limits): string {
  return `${limits.since} ${valuesOf(limits)}`;
}

function valuesOf({ values }: Limits): string {
  return values.map(({ name, value, unit }) => `${name} ${value} ${unit}`).join('\n');
}
