import { z } from 'zod';
import { readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { getPresentAsset } from './get-asset.ts';
import { relateAssets, separateAssets } from './relate-assets.ts';
import { AssetRelation, RelationQuery, relationKinds } from './relation.ts';
import { listRelations } from './relation-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Assets'];

/** What a piece of equipment feeds and is part of, and what feeds it and is part of it. */
export function relationRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  listRoute(app, mount, needs);
  changingRoutes(app, mount, needs);
}

function listRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listAssetRelations'),
    summary: 'List what a piece of equipment feeds, what feeds it, and what is part of what',
    tags,
    params: mount.memberParams,
    querystring: RelationQuery,
    response: { 200: mount.pageOf(AssetRelation) },
  };
  const config = { scope: 'assets:read' } as const;
  app.get(mount.member('assets', '/relations'), { config, schema }, async (request, reply) => {
    const { area, params } = request;
    const { asset } = await getPresentAsset(db, area, params.id);
    const { page, filter } = paging.read(request.query, ['relations', asset.id, readerOf(area).of]);
    const rows = await listRelations(db, area, { ...filter, id: asset.id }, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

function changingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const config = { scope: 'assets:write' } as const;
  const related = mount.child('assets', '/relations/:kind', 'other_id');
  const params = (related.memberParams as unknown as z.ZodObject).extend({
    kind: z.enum(relationKinds),
  }) as unknown as z.ZodType<{ id: string; kind: (typeof relationKinds)[number]; other_id: string }>;
  const put = {
    operationId: mount.operationId('relateAssets'),
    summary: 'Say that a piece of equipment feeds another, or is part of it',
    description: [
      'Idempotent: a relation that is there stays as it is.',
      'Both lie at one site. Nothing feeds itself, or is part of itself, by way of others either. `isPartOf` sets parent_id: a piece is part of one other. Rules find upstream of a piece what feeds it and what it is part of, from their next tick on.',
    ].join('\n\n'),
    tags,
    params,
    response: { 200: mount.oneOf(AssetRelation) },
  };
  app.put(related.member(), { config, schema: put }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { id, kind, other_id: other } = request.params;
      return mount.one(await relateAssets(trx, request.area, { id, kind, other, at: shell.now() }));
    }),
  );
  const removal = {
    operationId: mount.operationId('separateAssets'),
    summary: 'Take back that a piece of equipment feeds another, or is part of it',
    description: [
      'Idempotent: what is taken back stays so; the second answer is 404.',
      'What a building model says is taken back there alone, since its next import would say it again.',
    ].join('\n\n'),
    tags,
    params,
    response: { 204: { description: 'Taken back.' } },
  };
  app.delete(related.member(), { config, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { id, kind, other_id: other } = request.params;
      const ifMatch = request.headers['if-match'];
      await separateAssets(trx, request.area, { id, kind, other, ifMatch, at: shell.now() });
      return deleted;
    }),
  );
}
