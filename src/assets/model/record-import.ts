/** What an import of a model has changed of a site, its places and its equipment, as events: the rows before are compared with the rows after. */
import type { Actor, Change } from '../../events/event.ts';
import { appendEvents } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import type { AssetState } from '../asset-change-store.ts';
import { assetChanged, assetCreated, relationChanged } from '../asset-events.ts';
import { listStatesAtSite } from '../asset-state-store.ts';
import { locationEvents } from '../location-events.ts';
import { listLocationsAtSite } from '../location-store.ts';
import { siteEvents } from '../site-events.ts';
import { findSite } from '../store.ts';
import { type Feed, listFeeds } from './model-store.ts';

type Recording = { readonly tenantId: string; readonly actor?: Actor | undefined };

const bySystem: Actor = { kind: 'system' };
const eventsAtOnce = 1_000;

/** Does `work`, and appends in its transaction what it changed of the places and the equipment of a site, and of what feeds what. */
export async function recordingWithin(
  trx: Db,
  { tenantId, siteId, actor = bySystem }: Recording & { readonly siteId: string },
  work: () => Promise<void>,
): Promise<void> {
  const site = { tenantId, siteId };
  const before = await listWithin(trx, site);
  await work();
  const after = await listWithin(trx, site);
  const of = { tenantId, siteId, actor };
  const ofPlaces = [...after.places.values()].flatMap((place) =>
    locationEvents(before.places.get(place.id), place, of),
  );
  const ofAssets = [...after.assets.values()].flatMap((row) => {
    const was = before.assets.get(row.id);
    if (!was) return [assetCreated(row, actor)];
    return isChanged(was, row) ? assetChanged(was, row, { actor }) : [];
  });
  const told = (feeds: readonly Feed[], changeOf: (to: string) => Pick<Change, 'from' | 'to'>) =>
    feeds.flatMap(({ from, to }) => {
      const row = after.assets.get(from);
      return row ? [relationChanged(row, { field: 'feeds', ...changeOf(to) }, actor)] : [];
    });
  const events = [
    ...ofPlaces,
    ...ofAssets,
    ...told(without(before.feeds, after.feeds), (to) => ({ from: to, to: null })),
    ...told(without(after.feeds, before.feeds), (to) => ({ from: null, to })),
  ];
  for (let at = 0; at < events.length; at += eventsAtOnce) await appendEvents(trx, events.slice(at, at + eventsAtOnce));
}

async function listWithin(trx: Db, site: { tenantId: string; siteId: string }) {
  const [places, assets] = [await listLocationsAtSite(trx, site), await listStatesAtSite(trx, site)];
  return {
    places: new Map(places.map((place) => [place.id, place])),
    assets: new Map(assets.map((row) => [row.id, row])),
    feeds: await listFeeds(trx, site),
  };
}

function without(feeds: readonly Feed[], others: readonly Feed[]): Feed[] {
  const known = new Set(others.map(({ from, to }) => `${from} ${to}`));
  return feeds.filter(({ from, to }) => !known.has(`${from} ${to}`));
}

function isChanged(before: AssetState, after: AssetState): boolean {
  return before.updated_at.getTime() !== after.updated_at.getTime();
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
