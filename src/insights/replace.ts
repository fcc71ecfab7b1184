/**
 * What late readings change about insights. A repair has evaluated some assets again from a tick on; what it found of the
 * rules that run there is compared with the recorded insights. A recorded one
 *
 *   - that stood when the run began is set back to how its machine remembers it, and its effects are written again;
 *   - that the run finds as well, withdrawn or not, begins again from its effects;
 *   - that it finds at another instant is moved there, with its work order, and begins again;
 *   - that it does not find is withdrawn, and its work orders get a note: they are never deleted.
 *
 * What it finds beyond these is opened now. One that ended more than a day ago makes no work order.
 *
 * What people decided about an insight stands with it: a repair writes facts, and the status follows from both (status-store.ts).
 */
import type { NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { shownBuiltIn } from '../rules/kernel/built-in-words.ts';
import type { Effect } from '../rules/kernel/effect.ts';
import type { InsightMemory } from '../rules/kernel/machine.ts';
import type { Episode, Repaired } from '../rules/live/repair.ts';
import { type Context, keysOf, writeEffects } from './apply.ts';
import {
  forgetLostEpisodes,
  listInsightsSince,
  moveInsight,
  type RecordedInsight,
  restoreInsight,
  updateShown,
  withdrawInsights,
} from './apply-store.ts';
import { endWithdrawnEpisodes, restoreEpisodes } from './evidence/evidence-record-store.ts';
import { recordInsightEvents } from './insight-events.ts';
import { identityOf } from './insight-key.ts';
import { lockWorkOrders } from './withheld-store.ts';

const workOrderAgeMsMax = 24 * 3_600_000;
const withdrawnNote = 'Readings that arrived late show that this fault was not there; its insight has been withdrawn.';
const explainedNote = 'Readings that arrived late show that another fault explains this one; see its insight.';

/** Makes the recorded insights of the repaired assets those of the repair; what that changes is told as events. */
export function replaceEpisodes(trx: Db, repaired: Repaired, given: Omit<Context, 'ranAt'>): Promise<void> {
  const { assetIds, afterMs, episodes } = repaired;
  const keys = keysOf(episodes.flatMap(({ effects }) => effects));
  const which = { keys, since: { assetIds, at: new Date(afterMs) } };
  return recordInsightEvents(trx, which, (held) => replace(trx, repaired, { ...given, ranAt: repaired.ranAt, held }));
}

type Holding = Context & { readonly held: readonly string[] };

async function replace(trx: Db, repaired: Repaired, context: Holding): Promise<NewEvent[]> {
  await lockWorkOrders(trx, context.held);
  const recorded = await listRecorded(trx, repaired);
  const { restored, moved, withdrawn } = compareEpisodes(recorded, repaired);
  await withdrawInsights(trx, withdrawn.map(idOf));
  await endWithdrawnEpisodes(trx, withdrawn.map(idOf));
  const withdrawnNotes = await context.noteOnWorkOrders(trx, withdrawn.map(idOf), withdrawnNote);
  for (const { insight, memory } of restored) {
    await restoreInsight(trx, insight.id, memory);
    const shown = shownBuiltIn(insight.ruleId, memory);
    if (shown) await updateShown(trx, insight, shown);
  }
  await restoreEpisodes(
    trx,
    restored.map(({ insight }) => insight.id),
    repaired.afterMs,
  );
  for (const { insight, openedAt } of moved) await moveInsight(trx, insight.id, new Date(openedAt));
  const effects = repaired.episodes.flatMap((episode) => withoutOldWorkOrders(episode, repaired.throughMs));
  const fromEffects = await writeEffects(
    trx,
    effects.sort((one, other) => one.at - other.at),
    context,
  );
  await forgetLostEpisodes(trx, recorded.map(idOf));
  const explained = await listExplained(trx, repaired, recorded);
  const explainedNotes = await context.noteOnWorkOrders(trx, explained, explainedNote);
  return [...withdrawnNotes, ...fromEffects, ...explainedNotes];
}

/** The recorded insights of the rules that ran; those of a rule that has been removed are history, and stay as they are. */
async function listRecorded(trx: Db, { assetIds, afterMs, machines }: Repaired): Promise<RecordedInsight[]> {
  const ran = new Set(machines.map(({ ruleId, assetId }) => `${ruleId} ${assetId}`));
  const recorded = await listInsightsSince(trx, { assetIds, since: new Date(afterMs) });
  return recorded.filter(({ ruleId, assetId }) => ran.has(`${ruleId} ${assetId}`));
}

/** Insights that no other explained before the repair, and that one explains now. */
async function listExplained(trx: Db, repaired: Repaired, recorded: readonly RecordedInsight[]): Promise<string[]> {
  const unexplained = new Set(recorded.filter(({ suppressedBy }) => suppressedBy === null).map(idOf));
  const now = await listRecorded(trx, repaired);
  return now.filter((one) => one.suppressedBy !== null && !one.isWithdrawn && unexplained.has(one.id)).map(idOf);
}

type Comparison = {
  restored: { insight: RecordedInsight; memory: InsightMemory }[];
  moved: { insight: RecordedInsight; openedAt: number }[];
  withdrawn: RecordedInsight[];
};

/** Pairs recorded insights with episodes of the same rule and asset: by their opening, else in the order of their openings. */
export function compareEpisodes(
  recorded: readonly RecordedInsight[],
  { afterMs, machines, episodes }: Pick<Repaired, 'afterMs' | 'machines' | 'episodes'>,
): Comparison {
  const comparison: Comparison = { restored: [], moved: [], withdrawn: [] };
  const remembered = new Map(
    machines.flatMap(({ ruleId, assetId, machine }) =>
      machine?.insight ? [[identityOf({ ruleId, assetId, openedAt: machine.insight.openedAt }), machine.insight]] : [],
    ),
  );
  const known = new Set(recorded.map(identityOf));
  const found = new Set(episodes.map(identityOf));
  const fresh = episodes.filter((one) => one.openedAt > afterMs && !known.has(identityOf(one)));
  for (const insight of recorded) {
    const memory = remembered.get(identityOf(insight));
    if (memory) comparison.restored.push({ insight, memory });
    if (insight.openedAt.getTime() <= afterMs || insight.isWithdrawn || found.has(identityOf(insight))) continue;
    const next = fresh.findIndex(({ ruleId, assetId }) => ruleId === insight.ruleId && assetId === insight.assetId);
    const [episode] = next < 0 ? [] : fresh.splice(next, 1);
    if (episode) comparison.moved.push({ insight, openedAt: episode.openedAt });
    else comparison.withdrawn.push(insight);
  }
  return comparison;
}

function idOf({ id }: RecordedInsight): string {
  return id;
}

function withoutOldWorkOrders({ effects }: Episode, throughMs: number): readonly Effect[] {
  const last = effects.findLast(({ kind }) => kind !== 'flagged');
  const endedLongAgo = last?.kind === 'resolved' && throughMs - last.clearedAt > workOrderAgeMsMax;
  return endedLongAgo ? effects.filter(({ kind }) => kind !== 'work-order-due') : effects;
}
