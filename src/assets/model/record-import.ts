/** What an import of a model has changed of a site and its equipment, as events: the rows before are compared with the rows after. */
import type { Actor } from '../../events/event.ts';
import { appendEvents } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import type { AssetState } from '../asset-change-store.ts';
import { assetChanged, assetCreated } from '../asset-events.ts';
import { listStatesAtSite } from '../asset-state-store.ts';
import { siteEvents } from '../site-events.ts';
import { findSite } from '../store.ts';

type Recording = { readonly tenantId: string; readonly actor?: Actor | undefined };

const bySystem: Actor = { kind: 'system' };
const eventsAtOnce = 1_000;

/** Does `work`, and appends in its transaction what it changed of the equipment of a site. */
export async function recordingAssets(
  trx: Db,
  { tenantId, siteId, actor = bySystem }: Recording & { readonly siteId: string },
  work: () => Promise<void>,
): Promise<void> {
  const before = new Map((await listStatesAtSite(trx, { tenantId, siteId })).map((row) => [row.id, row]));
  await work();
  const changed = (await listStatesAtSite(trx, { tenantId, siteId })).filter((row) =>
    isChanged(before.get(row.id), row),
  );
  const events = changed.flatMap((row) => {
    const was = before.get(row.id);
    return was ? assetChanged(was, row, { actor }) : [assetCreated(row, actor)];
  });
  for (let at = 0; at < events.length; at += eventsAtOnce) await appendEvents(trx, events.slice(at, at + eventsAtOnce));
}

function isChanged(before: AssetState | undefined, after: AssetState): boolean {
  return before?.updated_at.getTime() !== after.updated_at.getTime();
}

/** Does what makes a site or changes it, and appends what became of it. */
export async function recordingSite<T>(
  trx: Db,
  { tenantId, slug, actor = bySystem }: Recording & { readonly slug: string },
  work: () => Promise<T>,
): Promise<T> {
  const before = await findSite(trx, tenantId, slug);
  const done = await work();
  const after = await findSite(trx, tenantId, slug);
  if (after) await appendEvents(trx, siteEvents(before, after, { tenantId, actor }));
  return done;
}
