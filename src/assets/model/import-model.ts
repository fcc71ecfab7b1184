/**
 * Writes a building model into the database, in the transaction of the caller. What is there already is found by the model's
 * own id, or else by its name: a point that telemetry made known is taken over with its history, not made twice.
 */

import { shardOf } from '../../access/tenant-store.ts';
import type { Actor } from '../../events/event.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { refusals } from '../../platform/refusals.ts';
import { insertStatusChanges } from '../asset-change-store.ts';
import { madeUpUri } from '../asset-uri.ts';
import { insertSite, type KnownSite, lockSite, updateSite } from '../site-store.ts';
import { createFindings, type FindingList, type ImportModel, type ImportSite } from './building-model.ts';
import { breakCirclesOfFeeds, breakCirclesOfParts, keepPartsOfPeople } from './model-circle-store.ts';
import { countUnderstood, type ModelReport } from './model-report.ts';
import * as store from './model-store.ts';
import { cleanText, type Planned, planAssets, planLocations, planPoints } from './plan-import.ts';
import { recordingSite, recordingWithin } from './record-import.ts';

export type ImportOptions = {
  readonly tenantId: string;
  /** The name of the model among those of the site; a second import under the same name changes the rows of the first. */
  readonly source: string;
  /** Whether a site that does not exist is made; its time zone is UTC when neither the model nor the caller says it. */
  readonly makeSites: boolean;
  /** Whether assets of an earlier import that the model no longer has are retired. */
  readonly retireVanished: boolean;
  /** Whether the time zone of the model is set on a site that has one already; without, only UTC gives way to it. */
  readonly forceTimeZone: boolean;
  /** Whether readings of unknown points make them at the sites of the model; absent: as it is, and not at a new one. */
  readonly discovery?: boolean | undefined;
  /** Who imports it: as events name him, and as people write him down. */
  readonly actor?: Actor | undefined;
  readonly author?: string | undefined;
  /** The id of a unit by any of its names; units lie with the rules. */
  readonly findUnit: (name: string) => string | undefined;
};

/** Writes the model and tells what became of it. Throws site_not_found for a site that may not be made. */
export async function importModel(trx: Db, model: ImportModel, options: ImportOptions): Promise<ModelReport> {
  const findings = createFindings();
  const report = emptyReport(model, options);
  for (const site of model.sites) {
    const ensured = () => ensureSite(trx, site, options, findings);
    const { row, created } = await recordingSite(trx, { ...options, slug: site.slug }, ensured);
    report.sites.push({ slug: row.slug, name: row.name, time_zone: row.timeZone, created });
    if (created && site.timeZone === null)
      findings.add('time_zone_unknown', 'neither the model nor the command says the time zone; it is UTC', row.slug);
    const target = { ...options, siteId: row.id, shard: row.shard };
    const work = { model: partOf(model, site.slug), target, slug: row.slug, options, findings, report };
    await recordingWithin(trx, { ...options, siteId: row.id }, () => importSite(trx, work));
  }
  report.findings.push(...findings.list().map((finding) => ({ ...finding, examples: [...finding.examples] })));
  return report;
}

function emptyReport(model: ImportModel, { source }: ImportOptions): ModelReport {
  const rows = () => ({ in_model: 0, created: 0, updated: 0, unchanged: 0, adopted: 0, vanished: 0 });
  return {
    format: model.format,
    source,
    dry_run: false,
    sites: [],
    locations: rows(),
    equipment: rows(),
    points: rows(),
    relations: { in_model: 0, created: 0, removed: 0 },
    understood: countUnderstood(model),
    classes: model.classes.map((one) => ({ ...one })),
    findings: model.findings.map((finding) => ({ ...finding, examples: [...finding.examples] })),
    vanished: { equipment: [], points: [] },
  };
}

async function ensureSite(
  trx: Db,
  site: ImportSite,
  { tenantId, makeSites, forceTimeZone, discovery }: ImportOptions,
  findings: FindingList,
): Promise<{ row: KnownSite; created: boolean }> {
  const known = await lockSite(trx, { tenantId, slug: site.slug });
  if (known !== undefined) {
    const change = { tenantId, siteId: known.id, at: new Date() };
    if (discovery !== undefined) await updateSite(trx, change, { discovery });
    const timeZone = site.timeZone ?? known.timeZone;
    const mayChange = forceTimeZone || known.timeZone === 'UTC';
    if (timeZone === known.timeZone) return { row: known, created: false };
    if (!mayChange) {
      findings.add(
        'time_zone_differs',
        'the model names another time zone than the site has; that of the site stays',
        `${timeZone}, not ${known.timeZone}`,
      );
      return { row: known, created: false };
    }
    await updateSite(trx, change, { time_zone: timeZone });
    return { row: { ...known, timeZone }, created: false };
  }
  if (!makeSites) throw refusals.siteNotFound(site.slug);
  const id = newId();
  const row = {
    id,
    slug: site.slug,
    name: cleanText(site.name, 200) || site.slug,
    timeZone: site.timeZone ?? 'UTC',
    shard: shardOf(id),
  };
  const isMade = await insertSite(trx, { tenantId, site: { ...row, discovery: discovery ?? false } });
  if (!isMade) throw refusals.siteExists(row.slug);
  return { row, created: true };
}

/** What of a model belongs to one of its sites. */
function partOf(model: ImportModel, slug: string): ImportModel {
  if (model.sites.length === 1) return model;
  const assets = model.assets.filter(({ site }) => site === slug);
  const ids = new Set(assets.map(({ externalId }) => externalId));
  return {
    ...model,
    locations: model.locations.filter(({ site }) => site === slug),
    assets,
    points: model.points.filter(({ asset }) => ids.has(asset)),
    relations: model.relations.filter(({ from, to }) => ids.has(from) && ids.has(to)),
  };
}

type Work = {
  readonly model: ImportModel;
  readonly target: store.Target;
  readonly slug: string;
  readonly options: ImportOptions;
  readonly findings: FindingList;
  readonly report: ModelReport;
};

async function importSite(trx: Db, { model, target, slug, options, findings, report }: Work): Promise<void> {
  const locations = planLocations(model.locations, await store.listKnownLocations(trx, target));
  await store.insertLocations(trx, target, locations.fresh);
  const changedPlaces = await store.updateLocations(trx, target, locations.rows);
  await store.touchAssetsAt(trx, target, changedPlaces);
  tally(report.locations, locations, changedPlaces);

  const knownAssets = await store.listKnownAssets(trx, target);
  const uris = model.assets.map(({ externalId }) => externalId);
  const beginning = madeUpUri({ site: slug, name: '' });
  const taken = new Set(await store.listTakenUris(trx, { tenantId: target.tenantId, uris, beginning }));
  const assets = planAssets(model, {
    known: knownAssets,
    source: options.source,
    locations: locations.ids,
    slug,
    taken,
    findings,
  });
  await store.insertAssets(trx, target, assets.fresh);
  tally(report.equipment, assets, await store.updateAssets(trx, target, assets.rows));
  for (const name of await breakCirclesOfParts(trx, target))
    findings.add('circle_of_parts', 'was put by people into what is now a part of it; it was taken out', name);
  await keepPartsOfPeople(trx, target);

  const knownPoints = await store.listKnownPoints(trx, target);
  const points = planPoints(model.points, {
    known: knownPoints,
    source: options.source,
    assets: assets.ids,
    findUnit: options.findUnit,
    findings,
  });
  await store.insertPoints(trx, target, points.fresh);
  tally(report.points, points, await store.updatePoints(trx, target, points.rows));

  const rows = model.relations.map(({ from, kind, to }) => ({
    from_asset_id: assets.ids.get(from) as string,
    kind,
    to_asset_id: assets.ids.get(to) as string,
  }));
  const relations = await store.writeRelations(trx, target, { rows, assetIds: [...assets.ids.values()] });
  const circular = await breakCirclesOfFeeds(trx, target, rows);
  for (const told of circular)
    findings.add(
      'circle_of_feeds',
      'feeds itself by way of what others have said; left out, since neither is upstream',
      told,
    );
  report.relations.in_model += rows.length;
  report.relations.created += relations.created - circular.length;
  report.relations.removed += relations.removed;
  if (options.retireVanished) await retireVanished(trx, { target, options, ids: assets.vanished.map(({ id }) => id) });
  report.vanished.equipment.push(...assets.vanished.map(({ name }) => name).slice(0, 100));
  report.vanished.points.push(...points.vanished.map(({ name, assetName }) => `${assetName}/${name}`).slice(0, 100));
}

type Retiring = { readonly target: store.Target; readonly options: ImportOptions; readonly ids: readonly string[] };

async function retireVanished(trx: Db, { target, options, ids }: Retiring): Promise<void> {
  const { tenantId, source } = target;
  const reason = `the building model ${source} has it no more`;
  const retired = await store.retireAssets(trx, target, ids);
  const author = options.author ?? 'faultline import';
  await insertStatusChanges(
    trx,
    retired.map(({ id, status, at }) => ({ tenantId, assetId: id, from: status, to: 'retired', reason, author, at })),
  );
}

function tally(
  rows: ModelReport['equipment'],
  planned: Planned<{ id: string }, unknown>,
  changedIds: readonly string[],
): void {
  const fresh = new Set(planned.fresh.map(({ id }) => id));
  const updated = changedIds.filter((id) => !fresh.has(id)).length;
  rows.in_model += planned.rows.length;
  rows.created += fresh.size;
  rows.updated += updated;
  rows.unchanged += planned.rows.length - fresh.size - updated;
  rows.adopted += planned.adopted;
  rows.vanished += planned.vanished.length;
}
