/**
 * What late readings change about insights. A repair has evaluated some assets again from a tick on; its episodes are
 * compared with the recorded insights, and each recorded one
 *
 *   - that the repair finds as well is written again from its effects;
 *   - that it finds at another instant is moved there, with its work order;
 *   - that it does not find is withdrawn, and its work orders get a note: they are never deleted.
 *
 * What it finds beyond these is opened now. One that ended more than a day ago makes no work order.
 */
import type { Db } from '../platform/database.ts';
import type { Repaired } from '../rules/advance.ts';
import type { Effect } from '../rules/effect.ts';
import type { Episode } from '../rules/repair.ts';
import type { AssetOwner } from '../rules/store.ts';
import { applyEffects, type OpenWorkOrder } from './apply.ts';
import {
  listInsightsSince,
  moveInsight,
  type RecordedInsight,
  unresolveInsights,
  withdrawInsights,
} from './apply-store.ts';

/** Adds a note to the work orders of insights, in the transaction. */
export type NoteOnWorkOrders = (trx: Db, insightIds: readonly string[], note: string) => Promise<void>;

type Context = {
  readonly owners: ReadonlyMap<string, AssetOwner>;
  readonly openWorkOrder: OpenWorkOrder;
  readonly noteOnWorkOrders: NoteOnWorkOrders;
};

const workOrderAgeMsMax = 24 * 3_600_000;
const withdrawnNote = 'Readings that arrived late show that this fault was not there; its insight has been withdrawn.';

/** Makes the recorded insights of the repaired assets those of the repair. */
export async function replaceEpisodes(trx: Db, repaired: Repaired, context: Context): Promise<void> {
  const { assetIds, afterMs, throughMs, episodes } = repaired;
  const recorded = await listInsightsSince(trx, { assetIds, since: new Date(afterMs) });
  const { standing, moved, withdrawn } = compareEpisodes(recorded, episodes, afterMs);
  await withdrawInsights(
    trx,
    withdrawn.map(({ id }) => id),
  );
  await context.noteOnWorkOrders(
    trx,
    withdrawn.map(({ id }) => id),
    withdrawnNote,
  );
  await unresolveInsights(
    trx,
    [...standing, ...moved.map(({ insight }) => insight)].map(({ id }) => id),
  );
  for (const { insight, opened } of moved) await moveInsight(trx, insight.id, opened);
  const effects = episodes.flatMap((episode) => withoutOldWorkOrders(episode, throughMs));
  await applyEffects(
    trx,
    effects.sort((one, other) => one.at - other.at),
    context,
  );
}

type Opened = Extract<Effect, { kind: 'opened' }>;
type Comparison = {
  standing: RecordedInsight[];
  moved: { insight: RecordedInsight; opened: Opened }[];
  withdrawn: RecordedInsight[];
};

/** Pairs recorded insights with episodes of the same rule and asset: by their opening, else in the order of their openings. */
export function compareEpisodes(
  recorded: readonly RecordedInsight[],
  episodes: readonly Episode[],
  afterMs: number,
): Comparison {
  const found = new Set(episodes.map(identityOf));
  const standing = recorded.filter((one) => one.openedAt.getTime() <= afterMs || found.has(identityOf(one)));
  const lost = recorded.filter((one) => !standing.includes(one));
  const known = new Set(standing.map(identityOf));
  const fresh = episodes.flatMap((episode) => {
    const opened = episode.effects.find((effect) => effect.kind === 'opened');
    return opened && !known.has(identityOf(episode)) ? [opened] : [];
  });
  const comparison: Comparison = { standing, moved: [], withdrawn: [] };
  for (const insight of lost) {
    const next = fresh.findIndex(({ ruleId, assetId }) => ruleId === insight.ruleId && assetId === insight.assetId);
    if (next < 0) comparison.withdrawn.push(insight);
    else comparison.moved.push({ insight, opened: fresh.splice(next, 1)[0] as Opened });
  }
  return comparison;
}

function identityOf({
  ruleId,
  assetId,
  openedAt,
}: {
  ruleId: string;
  assetId: string;
  openedAt: Date | number;
}): string {
  return `${ruleId} ${assetId} ${Number(openedAt)}`;
}

function withoutOldWorkOrders({ effects }: Episode, throughMs: number): readonly Effect[] {
  const last = effects.findLast(({ kind }) => kind !== 'flagged');
  const endedLongAgo = last?.kind === 'resolved' && throughMs - last.clearedAt > workOrderAgeMsMax;
  return endedLongAgo ? effects.filter(({ kind }) => kind !== 'work-order-due') : effects;
}
