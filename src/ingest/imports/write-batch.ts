/**
 * A batch of a file becomes readings in the database. Names are looked up, or discovered with what the column map says of them,
 * and values are converted into the unit that the site has for the point, since a map may know another one.
 */
import { isTopicName } from '../../assets/discovery.ts';
import type { PointRef } from '../../assets/point-store.ts';
import type { Db } from '../../platform/database.ts';
import type { Appended } from '../../telemetry/append-store.ts';
import { type Arrival, splitLate } from '../../telemetry/arrival.ts';
import { findTooOld, inUnitOf } from '../decode/bind.ts';
import { discoveryIsOff, type KnownSite, knownPoint, loadMissing } from '../decode/directory.ts';
import type { Writing } from '../writing.ts';
import type { ImportColumns } from './columns.ts';
import type { ImportBatch, ImportError, NamedReading } from './read-batches.ts';
import { findUnits } from './unit-store.ts';

/** What became of a batch. */
export type Written = Appended & { readonly errors: readonly ImportError[] };

export type WriteBatch = (batch: ImportBatch) => Promise<Written>;

export type WriteOptions = {
  readonly db: Db;
  readonly writing: Writing;
  readonly tenantId: string;
  /** The slug of the site that everything belongs to. */
  readonly site: string;
  readonly columns: ImportColumns;
};

/** Assets that are known to be described; to describe one again is harmless. */
const describedMax = 100_000;

/** How to write the batches of one file. Rejects where the database does not take one; the same again is harmless. */
export function createWriteBatch({ db, writing, tenantId, site: slug, columns }: WriteOptions): WriteBatch {
  const { appender, directory, turns, counter } = writing;
  const described = new Set<string>();
  /** By point and column, since several columns may be of one point; null where nothing is to be converted. */
  const conversions = new Map<string, Conversion | null>();

  const loadConversions = async (found: readonly { reading: NamedReading; ref: PointRef }[]) => {
    const missing = found.filter(({ reading, ref }) => !conversions.has(keyOf(ref, reading)));
    const units = await findUnits(db, { tenantId, ids: [...new Set(missing.map(({ ref }) => ref.pointId))] });
    for (const { reading, ref } of missing) {
      const key = keyOf(ref, reading);
      if (conversions.has(key)) continue;
      conversions.set(key, conversionOf(columns.pointOf(reading.column).unit, units.get(ref.pointId), columns));
    }
  };

  return async (batch) => {
    const site = (await directory.findSites(tenantId, [slug])).get(slug);
    if (!site) throw new TypeError(`the site ${slug} is not there any more`);
    if (site.discovery) {
      for (const asset of new Set(batch.readings.map((reading) => reading.asset))) {
        if (described.has(asset) || !isTopicName(asset)) continue;
        if (described.size >= describedMax) described.clear();
        described.add(asset);
        await directory.describe(site, asset, columns.describe(asset));
      }
    }
    const named = batch.readings.map((reading) => {
      return { reading, site, asset: reading.asset, point: columns.pointOf(reading.column).name };
    });
    await loadMissing(directory, named);
    const errors = [...batch.errors];
    const found = named.flatMap(({ reading, asset, point }) => {
      const ref = knownPoint(site, asset, point);
      if (!ref) errors.push(unknownPoint(reading, point, site));
      return ref ? [{ reading, ref }] : [];
    });
    await loadConversions(found);
    const arrivals = found.flatMap(({ reading, ref }): Arrival[] => {
      const { line, column, timeMs } = reading;
      const conversion = findTooOld(ref, timeMs) ?? conversions.get(keyOf(ref, reading)) ?? null;
      if (conversion !== null && typeof conversion !== 'function') {
        errors.push({ line, column, ...conversion });
        return [];
      }
      const value = conversion ? conversion(reading.value) : inUnitOf(ref, reading.value);
      return [{ point: ref, timeMs, value, quality: 'good' }];
    });
    const counts = { stored: 0, duplicates: 0, conflicts: 0 };
    for (const part of splitLate(arrivals, Date.now())) {
      const { stored, duplicates, conflicts } = await turns(() => appender.append(part));
      counts.stored += stored;
      counts.duplicates += duplicates;
      counts.conflicts += conflicts;
    }
    counter.inc({ door: 'import', outcome: 'stored' }, counts.stored);
    counter.inc({ door: 'import', outcome: 'duplicate' }, counts.duplicates);
    counter.inc({ door: 'import', outcome: 'conflict' }, counts.conflicts);
    counter.inc({ door: 'import', outcome: 'refused' }, errors.length);
    return { ...counts, errors };
  };
}

function keyOf({ pointId }: PointRef, { column }: NamedReading): string {
  return `${pointId} ${column}`;
}

type Conversion = ((value: number) => number) | { readonly reason: string; readonly detail: string };

function conversionOf(from: string | null, to: string | undefined, { convert }: ImportColumns): Conversion | null {
  if (from === null || to === undefined) return null;
  if (from === to) return (value) => value;
  const formula = convert(from, to);
  if (formula) return formula;
  const detail = `the column map says ${from}, the point is in ${to}, and one does not become the other`;
  return { reason: 'unusable_value', detail };
}

function unknownPoint({ line, column, asset }: NamedReading, point: string, site: KnownSite): ImportError {
  const why = site.discovery
    ? 'it cannot be made: names are 1 to 128 characters, and a site discovers only so many'
    : discoveryIsOff(site);
  return {
    line,
    column,
    reason: 'unknown_point',
    detail: `${asset.slice(0, 60)} has no point ${point.slice(0, 60)}, and ${why}`,
  };
}
