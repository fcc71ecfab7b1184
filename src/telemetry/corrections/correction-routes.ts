import type { FastifyRequest } from 'fastify';
import type { HeldPoint } from '../../assets/point.ts';
import type { Db } from '../../platform/database.ts';
import type { Answer, Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { readSeries, SeriesQuery } from '../../platform/series.ts';
import { correct, revert } from './correct.ts';
import {
  CorrectedReading,
  Correction,
  CorrectionBody,
  CorrectionPreview,
  CorrectionQuery,
  correctionList,
  RevertBody,
} from './correction.ts';
import { showEdit } from './correction-edits.ts';
import { findCorrection, listCorrections, listEdits } from './correction-store.ts';

export type CorrectionNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  /** The tenant of a point that the request's caller may see; throws the refusal otherwise. */
  readonly getPoint: (request: FastifyRequest, id: string) => Promise<{ tenantId: string }>;
  /** The same, held until the transaction ends; refuses one that was merged into another. */
  readonly holdPoint: (trx: Db, request: FastifyRequest, id: string) => Promise<HeldPoint>;
  /** In whose name the request's key acts. */
  readonly getAuthor: (trx: Db, request: FastifyRequest) => Promise<string>;
};

const tags = ['Points'];
const read = { scope: 'points:read' } as const;
const write = { scope: 'points:write' } as const;

/** Corrections of readings: making one, or trying it; those of a point, one of them, its readings; and taking it back. */
export function correctionRoutes(app: RouteScope, mount: Mount, needs: CorrectionNeeds): void {
  correctingRoutes(app, mount, needs);
  recordRoutes(app, mount, needs);
}

const description = [
  'Give `readings`, each by its time, or `start` and `end` with one change for all of the span. What they were is kept, and shown by `GET /corrections/{id}/readings`; `POST /corrections/{id}/revert` takes a correction back.',
  'Roll-ups follow, and so do rules: what they found of the last 35 days is evaluated again.',
  'With `dry_run` nothing changes, and the answer (200) says what would.',
  'A correction by `scale` or `offset` that is sent again without an Idempotency-Key is done again.',
].join('\n\n');

function correctingRoutes(app: RouteScope, mount: Mount, { shell, holdPoint, getAuthor }: CorrectionNeeds): void {
  const creation = {
    operationId: mount.operationId('correctReadings'),
    summary: 'Put readings of a point right',
    description,
    tags,
    params: mount.memberParams,
    body: CorrectionBody,
    response: { 200: mount.oneOf(CorrectionPreview), 201: mount.oneOf(Correction) },
  };
  app.post(mount.member('points', '/corrections'), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const point = await holdPoint(trx, request, request.params.id);
      const by = { author: await getAuthor(trx, request), at: shell.now() };
      const done = await correct(trx, point, { body: request.body, ...by });
      if ('preview' in done) return mount.found(done.preview);
      return created(mount, request, await getCorrection(trx, point.tenantId, done.id));
    }),
  );
  const reverting = {
    operationId: mount.operationId('revertCorrection'),
    summary: 'Take a correction of readings back',
    description:
      'Readings that have been changed since stay as they are, and the correction that is made says in `request.left` how many; when what changed them is taken back in turn, they are what they were before both.',
    tags,
    params: mount.memberParams,
    body: RevertBody,
    response: { 201: mount.oneOf(Correction) },
  };
  app.post(mount.member('corrections', '/revert'), { config: write, schema: reverting }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { id } = request.params;
      const { tenantId } = request.area.caller;
      const { point_id: pointId } = await getCorrection(trx, tenantId, id);
      const point = await holdPoint(trx, request, pointId);
      const author = await getAuthor(trx, request);
      const made = await revert(trx, point, { id, reason: request.body.reason, author });
      return created(mount, request, await getCorrection(trx, tenantId, made));
    }),
  );
}

function recordRoutes(app: RouteScope, mount: Mount, { db, paging, shell, getPoint }: CorrectionNeeds): void {
  const list = {
    operationId: mount.operationId('listCorrections'),
    summary: 'List the corrections of a point',
    tags,
    params: mount.memberParams,
    querystring: CorrectionQuery,
    response: { 200: mount.pageOf(Correction) },
  };
  app.get(mount.member('points', '/corrections'), { config: read, schema: list }, async (request, reply) => {
    const { id: pointId } = request.params;
    const { tenantId } = await getPoint(request, pointId);
    const { page } = paging.list(correctionList, request.query, {
      of: [tenantId, pointId],
      timeZone: request.area.caller.timeZone,
    });
    const rows = await listCorrections(db, { tenantId, pointId }, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getCorrection'),
    summary: 'Get one correction of readings',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(Correction) },
  };
  const getVisible = async (request: FastifyRequest, id: string): Promise<Correction> => {
    const correction = await getCorrection(db, request.area.caller.tenantId, id);
    await getPoint(request, correction.point_id);
    return correction;
  };
  app.get(mount.member('corrections'), { config: read, schema: one }, async (request, reply) =>
    shell.send(request, reply, mount.one(await getVisible(request, request.params.id))),
  );
  const readings = {
    operationId: mount.operationId('listCorrectedReadings'),
    summary: 'List the readings of a correction, before and after',
    tags,
    params: mount.memberParams,
    querystring: SeriesQuery,
    response: { 200: mount.seriesOf(CorrectedReading) },
  };
  app.get(mount.member('corrections', '/readings'), { config: read, schema: readings }, async (request, reply) => {
    const { id } = await getVisible(request, request.params.id);
    const series = await readSeries(paging, {
      query: request.query,
      list: ['corrected-readings', request.area.caller.tenantId, id],
      read: async (page) =>
        (await listEdits(db, { id, ...page })).map(({ edit, position }) => ({ item: showEdit(edit), position })),
    });
    return shell.send(request, reply, mount.series(request, series));
  });
}

async function getCorrection(db: Db, tenantId: string, id: string): Promise<Correction> {
  const correction = await findCorrection(db, { tenantId, id });
  if (!correction) throw refusals.correctionNotFound(id);
  return correction;
}

/** 201; a correction lies among the corrections, and not below what it was made by. */
function created(mount: Mount, request: FastifyRequest, made: Correction): Answer {
  const answer = mount.created(request, made);
  const location = (answer.headers.location ?? '').replace(
    /\/(points|corrections)\/[^/]+\/(corrections|revert)\/([^/]+\/?)$/,
    '/corrections/$3',
  );
  return { ...answer, headers: { ...answer.headers, location } };
}
