/**
 * A point that turned out to be another: a discovered one and the one that a person or a model has made, say.
 *
 *   POST merge-into ──▶ moving ──step by step, newest readings first──▶ done
 *        │                 └ what still comes in by those who have not heard of it, for ten minutes
 *        └ from here on its names, its id and its readings stand for the other point
 *
 * The point's row stays for its names. Where both have a reading of an instant, the other point's stays and the merged one's
 * is on record.
 */
import { z } from 'zod';
import type { Db } from '../../platform/database.ts';
import { Id, Instant } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery, timestamps } from '../../platform/list-query.ts';
import { Quality } from '../quality.ts';
import type { Conversion } from '../units.ts';

const mergeStates = ['moving', 'done'] as const;

const Reason = z.string().trim().max(1000).optional().describe('Why; it stays on record.');

export const MergePointBody = z
  .strictObject({ target: Id.describe('The id of the point that it turned out to be.'), reason: Reason })
  .meta({ id: 'MergePointBody', examples: [{ target: '0198f0a0-7b5c-7def-8abc-0123456789ab' }] });

export const MergeAssetBody = z
  .strictObject({
    target: Id.describe('The id of the asset that it turned out to be.'),
    points: z
      .record(z.string().min(1).max(128), z.string().min(1).max(128))
      .optional()
      .describe('Names of its points, and the names of those of the other asset that they turned out to be.'),
    reason: Reason,
  })
  .meta({
    id: 'MergeAssetBody',
    examples: [{ target: '0198f0a0-7b5c-7def-8abc-0123456789ab', points: { SupTmp: 'sat' } }],
  });

/** A merging of one point into another, and how far its readings have moved. */
export const PointMerge = z
  .object({
    id: Id,
    source_point_id: Id,
    target_point_id: Id,
    state: z.enum(mergeStates).describe('done: all its readings are those of the other point.'),
    reason: z.string(),
    author: z.string(),
    moved: z.int().describe('Readings that have become those of the other point.'),
    duplicates: z.int().describe('Readings that the other point had already.'),
    conflicts: z
      .int()
      .describe('Readings of which the other point had another value, which stays; they are on record.'),
    moved_buckets: z.int().describe('Buckets of roll-ups of readings that are not kept any more.'),
    ended_at: Instant.nullable(),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'PointMerge' });
export type PointMerge = z.infer<typeof PointMerge>;

/** What became of an asset's points. */
export const AssetMerge = z
  .object({
    asset_id: Id.describe('The asset that the other one turned out to be.'),
    moved_points: z.array(Id).describe('Points that are now points of this asset, with all their readings.'),
    merges: z.array(PointMerge).describe('Points that became one with a point of this asset.'),
  })
  .meta({ id: 'AssetMerge' });
export type AssetMerge = z.infer<typeof AssetMerge>;

export const pointMergeList = listOf({
  name: 'point-merges',
  id: 'point_merge.id',
  columns: { ...timestamps('point_merge'), ended_at: columns.instant('point_merge.ended_at', { isNullable: true }) },
  words: ['point_merge.reason', 'point_merge.author'],
});

export const PointMergeQuery = listQuery(pointMergeList, {
  state: z.enum(mergeStates).optional(),
  point_id: Id.optional().describe('Merged, or merged into.'),
});
export type PointMergeFilter = Omit<z.output<typeof PointMergeQuery>, ListFields>;

const Side = z.object({ value: z.number().nullable(), quality: Quality });

/** An instant of which both points had a reading, and not the same. */
export const MergeConflict = z
  .object({ time: Instant, kept: Side, dropped: Side.describe('In the unit of the point that stays.') })
  .meta({ id: 'MergeConflict' });
export type MergeConflict = z.infer<typeof MergeConflict>;

type Place = { readonly seriesId: number; readonly assetId: string; readonly shard: number };

/** From which point to which, and how values change on the way. */
export type SeriesMove = { readonly source: Place; readonly target: Place; readonly conversion: Conversion | null };

/** Columns of conflicts: epoch milliseconds, values (null: no number), and qualities by their codes. */
export type Conflicts = {
  readonly timesMs: readonly number[];
  readonly kept: readonly { readonly value: number | null; readonly quality: number }[];
  readonly dropped: readonly { readonly value: number | null; readonly quality: number }[];
};

export type Moved = {
  readonly taken: number;
  readonly moved: number;
  readonly duplicates: number;
  readonly conflicts: Conflicts;
};

/** What the stage of telemetry does of a merging, each in the caller's transaction. */
export type SeriesMover = {
  /** Moves the newest readings, at most `limit`; none are left when it has taken none. */
  moveReadings(trx: Db, move: SeriesMove, limit: number): Promise<Moved>;
  /** Moves the newest roll-ups of readings that are not kept any more, about `limit` at most; none are left when it has taken none. */
  moveRollups(trx: Db, move: SeriesMove, limit: number): Promise<{ readonly taken: number; readonly moved: number }>;
};
