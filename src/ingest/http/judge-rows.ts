/**
 * Rows become readings, and each gets its verdict:
 *
 *   row ─▶ which point? ─▶ may the key write there? ─▶ value, time, quality ─▶ append ─▶ stored · duplicate · conflict
 *     └─────────┴──────────────────┴──────────────────────────┴──────────────────────▶ refused, and why
 *
 * Nothing goes into quarantine: who sent the row is told at once, and has it still.
 */
import type { Counter } from 'prom-client';
import { type Caller, maySee } from '../../access/api-key.ts';
import type { PointRef } from '../../assets/point-store.ts';
import type { Db } from '../../platform/database.ts';
import type { Appender, Outcome } from '../../telemetry/append-store.ts';
import { type Arrival, splitLate } from '../../telemetry/arrival.ts';
import { bindSample } from '../decode/bind.ts';
import {
  type Directory,
  discoveryIsOff,
  type KnownSite,
  knownPoint,
  loadMissing,
  siteIsFull,
  siteIsUnknown,
} from '../decode/directory.ts';
import { sampleOf, shorten, stampOf } from '../decode/sample.ts';
import type { Turns } from '../writing.ts';
import { findPointsById, findPointsByUri, type PlacedPoint, uriKey } from './point-store.ts';
import type { Row, RowRejection, RowTarget } from './row.ts';

/** What became of one row; `refused` says why. */
export type Verdict = { readonly verdict: Outcome } | ({ readonly verdict: 'refused' } & RowRejection);

/** Who wrote the rows, within which site if the path names one, and when they came. */
export type RowsFrom = {
  readonly caller: Caller;
  readonly siteId: string | null;
  readonly receivedMs: number;
};

/** Commits rows and resolves with a verdict for each, in their order; rejects where the database does not take them. */
export type JudgeRows = (rows: readonly (Row | RowRejection)[], from: RowsFrom) => Promise<readonly Verdict[]>;

export type JudgeOptions = {
  readonly db: Db;
  readonly appender: Appender;
  readonly directory: Directory;
  /** How many appends run at once. */
  readonly turns: Turns;
  readonly counter: Counter<'door' | 'outcome'>;
};

/** Judges rows against the database. */
export function createJudgeRows({ db, appender, directory, turns, counter }: JudgeOptions): JudgeRows {
  return async (rows, from) => {
    const targets = rows.flatMap((row) => ('target' in row ? [row.target] : []));
    const find = await findTargets(targets, from, { db, directory });
    const judged = rows.map((row): Arrival | RowRejection => ('target' in row ? arrivalOf(row, find, from) : row));
    const arrivals = judged.filter((one) => 'point' in one);
    const outcomes = await appendApart(arrivals, { appender, turns, receivedMs: from.receivedMs });
    const verdicts = judged.map((one): Verdict => {
      if (!('point' in one)) return { verdict: 'refused', ...one };
      return { verdict: outcomes.get(one) as Outcome };
    });
    for (const { verdict } of verdicts) counter.inc({ door: 'http', outcome: verdict });
    return verdicts;
  };
}

type AppendOptions = Pick<JudgeOptions, 'appender' | 'turns'> & { receivedMs: number };

/** Appends late and live readings apart. */
async function appendApart(
  arrivals: readonly Arrival[],
  { appender, turns, receivedMs }: AppendOptions,
): Promise<ReadonlyMap<Arrival, Outcome>> {
  const found = new Map<Arrival, Outcome>();
  for (const part of splitLate(arrivals, receivedMs)) {
    const outcomes = await turns(() => appender.judge(part));
    part.forEach((arrival, index) => {
      found.set(arrival, outcomes[index] as Outcome);
    });
  }
  return found;
}

type Found = { readonly ref: PointRef; readonly timeZone: string };
type FindTarget = (target: RowTarget) => Found | RowRejection;

function arrivalOf(row: Row, find: FindTarget, { receivedMs }: RowsFrom): Arrival | RowRejection {
  const found = find(row.target);
  if ('reason' in found) return found;
  const stamp = stampOf(row.time, row.quality, { receivedMs, timeZone: found.timeZone });
  const sample = sampleOf(nameOf(row.target), row.value, stamp);
  return 'reason' in sample ? sample : bindSample(found.ref, sample);
}

function nameOf(target: RowTarget): string {
  switch (target.by) {
    case 'name':
      return target.point;
    case 'id':
      return target.id;
    case 'uri':
      return target.point ?? target.uri;
  }
}

/** Looks up all targets at once; what is not there is discovered, where the site allows it. */
async function findTargets(
  targets: readonly RowTarget[],
  from: RowsFrom,
  { db, directory }: { db: Db; directory: Directory },
): Promise<FindTarget> {
  const { tenantId } = from.caller;
  const named = targets.filter((target) => target.by === 'name');
  const sites = await findSites(named, from, directory);
  const full = await loadMissing(directory, findable(named, sites));
  const ids = [...new Set(targets.flatMap((target) => (target.by === 'id' ? [target.id] : [])))];
  const byId = ids.length > 0 ? await findPointsById(db, { tenantId, ids }) : new Map<string, PlacedPoint>();
  const uris = new Map(targets.flatMap((target) => (target.by === 'uri' ? [[uriKey(target), target] as const] : [])));
  const byUri = uris.size > 0 ? await findPointsByUri(db, { tenantId, uris: [...uris.values()] }) : new Map();
  return (target) => {
    switch (target.by) {
      case 'name':
        return findNamed(target, sites, full);
      case 'id':
        return placedIn(byId.get(target.id), target.id, from);
      case 'uri':
        return placedIn(byUri.get(uriKey(target)), target.uri, from);
    }
  };
}

type Named = Extract<RowTarget, { by: 'name' }>;
type Sites = ReadonlyMap<string, KnownSite | RowRejection>;

async function findSites(named: readonly Named[], from: RowsFrom, directory: Directory): Promise<Sites> {
  const slugs = new Set(named.map(({ site }) => site));
  if (slugs.size === 0) return new Map();
  const found = await directory.findSites(from.caller.tenantId, slugs);
  return new Map([...slugs].map((slug) => [slug, allowed(slug, found.get(slug), from)]));
}

function allowed(slug: string, site: KnownSite | undefined, { caller }: RowsFrom): KnownSite | RowRejection {
  if (!site) return { reason: 'unknown_site', detail: siteIsUnknown(slug) };
  if (!maySee(caller, site.siteId)) {
    return { reason: 'site_forbidden', detail: `${slug} is not among the sites of the API key` };
  }
  return site;
}

/** Those whose sites are there and allowed. */
function findable(named: readonly Named[], sites: Sites) {
  return named.flatMap(({ site: slug, asset, point }) => {
    const site = sites.get(slug);
    return site && !('reason' in site) ? [{ site, asset, point }] : [];
  });
}

function findNamed(
  { site: slug, asset, point }: Named,
  sites: Sites,
  full: ReadonlySet<KnownSite>,
): Found | RowRejection {
  const site = sites.get(slug) as KnownSite | RowRejection;
  if ('reason' in site) return site;
  const ref = knownPoint(site, asset, point);
  if (ref) return { ref, timeZone: site.timeZone };
  const why = full.has(site) ? siteIsFull(site) : site.discovery ? 'it could not be made' : discoveryIsOff(site);
  return { reason: 'unknown_point', detail: `${shorten(asset)} has no point ${shorten(point)}, and ${why}` };
}

function placedIn(
  found: PlacedPoint | 'several' | undefined,
  name: string,
  { caller, siteId }: RowsFrom,
): Found | RowRejection {
  if (found === 'several')
    return { reason: 'unknown_point', detail: `several points are called ${shorten(name)}; give point_id` };
  if (found === undefined || (siteId !== null && found.siteId !== siteId))
    return { reason: 'unknown_point', detail: `there is no point ${shorten(name)}` };
  if (!maySee(caller, found.siteId))
    return {
      reason: 'site_forbidden',
      detail: `${shorten(name)} lies at a site that is not among those of the API key`,
    };
  return found;
}
