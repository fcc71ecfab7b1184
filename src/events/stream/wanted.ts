/** Which of all that happens a stream is told: what its key may see, cut down to what was asked for. */
import { type EventType, eventTypes } from '../event.ts';

/** A reading, or a type of event. */
export type StreamType = 'reading' | EventType;
export const streamTypes: readonly StreamType[] = ['reading', ...eventTypes];

export type Wanted = {
  readonly tenantId: string;
  /** Null: all of the tenant, and what belongs to none. */
  readonly siteIds: readonly string[] | null;
  /** Null: any, and what is about none. */
  readonly assetIds: readonly string[] | null;
  readonly pointIds: readonly string[] | null;
  readonly types: ReadonlySet<StreamType>;
};

/** One thing to tell, with all by which it is told whom it concerns, and as it is sent: lines without an id. */
export type Entry = {
  readonly type: StreamType;
  readonly tenantId: string;
  readonly siteId: string | null;
  readonly assetId: string | null;
  readonly pointId: string | null;
  /** What was merged into its point or its asset: who asks for one of these is told what became of it. */
  readonly mergedIds: readonly string[];
  readonly text: string;
};

/** The types that a pattern stands for: itself, or `noun.*`; none where it is no type. */
export function typesOf(pattern: string): StreamType[] {
  const prefix = pattern.endsWith('.*') ? pattern.slice(0, -1) : undefined;
  return streamTypes.filter((type) => (prefix === undefined ? type === pattern : type.startsWith(prefix)));
}

/** Tells of each entry whether it is wanted; made once a stream, since it is asked for every reading. */
export function matcherOf({ tenantId, siteIds, assetIds, pointIds, types }: Wanted): (entry: Entry) => boolean {
  const sites = siteIds && new Set<string | null>(siteIds);
  const assets = assetIds && new Set<string | null>(assetIds);
  const points = pointIds && new Set<string | null>(pointIds);
  const isAmong = (ids: ReadonlySet<string | null> | null, id: string | null, { mergedIds }: Entry) =>
    ids === null || ids.has(id) || mergedIds.some((merged) => ids.has(merged));
  return (entry) =>
    entry.tenantId === tenantId &&
    types.has(entry.type) &&
    (sites === null || sites.has(entry.siteId)) &&
    isAmong(assets, entry.assetId, entry) &&
    isAmong(points, entry.pointId, entry);
}

/** Whose readings to look for: any that one of these names. */
export type Scope = {
  readonly tenantIds: readonly string[];
  readonly siteIds: readonly string[];
  readonly assetIds: readonly string[];
  readonly pointIds: readonly string[];
};

/** What all of some streams want of readings, by the narrowest that each names; undefined where none wants any. */
export function scopeOf(wanted: readonly Wanted[]): Scope | undefined {
  const scope = {
    tenantIds: new Set<string>(),
    siteIds: new Set<string>(),
    assetIds: new Set<string>(),
    pointIds: new Set<string>(),
  };
  const readers = wanted.filter(({ types }) => types.has('reading'));
  if (readers.length === 0) return undefined;
  for (const { tenantId, siteIds, assetIds, pointIds } of readers) {
    if (pointIds) for (const id of pointIds) scope.pointIds.add(id);
    else if (assetIds) for (const id of assetIds) scope.assetIds.add(id);
    else if (siteIds) for (const id of siteIds) scope.siteIds.add(id);
    else scope.tenantIds.add(tenantId);
  }
  const { tenantIds, siteIds, assetIds, pointIds } = scope;
  return { tenantIds: [...tenantIds], siteIds: [...siteIds], assetIds: [...assetIds], pointIds: [...pointIds] };
}
