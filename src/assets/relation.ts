/**
 * What leads from one piece of equipment to another of the same site: `feeds` (an air handler feeds a terminal) and `isPartOf`, which
 * is the tree that parent_id spans. Rules find upstream of a piece what feeds it and what it is part of.
 */
import { z } from 'zod';
import { Id, Instant } from '../platform/fields.ts';
import { PageQuery } from '../platform/paging.ts';
import { assetStatuses } from './asset.ts';

export const relationKinds = ['feeds', 'isPartOf'] as const;
export type RelationKind = (typeof relationKinds)[number];

const directions = ['out', 'in'] as const;

export const AssetRelation = z
  .object({
    id: Id,
    kind: z.enum(relationKinds),
    direction: z
      .enum(directions)
      .describe('out: the equipment of the path feeds the other, or is part of it; in: the other way round.'),
    from_asset_id: Id,
    to_asset_id: Id,
    asset: z
      .object({
        id: Id,
        name: z.string(),
        uri: z.string(),
        class: z.string().nullable(),
        status: z.enum(assetStatuses),
      })
      .describe('The other piece of equipment.'),
    source: z.string().nullable().describe('The building model that it comes from; null where a person made it.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'AssetRelation' });
export type AssetRelation = z.infer<typeof AssetRelation>;

export const RelationQuery = PageQuery.extend({
  kind: z.enum(relationKinds).optional(),
  direction: z.enum(directions).optional(),
});
export type RelationFilter = Omit<z.output<typeof RelationQuery>, keyof PageQuery>;
