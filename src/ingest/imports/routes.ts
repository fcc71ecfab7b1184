import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { requireSite } from '../../access/api-key.ts';
import { readerOf } from '../../access/listing.ts';
import { findSite } from '../../assets/store.ts';
import type { Db } from '../../platform/database.ts';
import type { Slots } from '../../platform/fair-gate.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { takeStreams } from '../http/routes.ts';
import { endImport, findImport, listImports } from './import-store.ts';
import type { Importer } from './importer.ts';
import { receiveImport } from './receive-import.ts';
import { ImportQuery, importList, NewImportQuery, TelemetryImport } from './telemetry-import.ts';

export type ImportNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly importer: Importer;
  /** Places for files that are coming in. */
  readonly receiving: Slots;
};

const tags = ['Telemetry'];
const read = { scope: 'telemetry:read' } as const;
const write = { scope: 'telemetry:write' } as const;

/** Files of readings: send one, see how far it has come, cancel it. */
export function importRoutes(app: RouteScope, mount: Mount, needs: ImportNeeds): void {
  app.register((scope, _options, done) => {
    takeStreams(scope as unknown as RouteScope);
    receivingRoute(scope as unknown as RouteScope, mount, needs);
    done();
  });
  readingRoutes(app, mount, needs);
  cancelRoute(app, mount, needs);
}

const description = `
The body is comma-separated values (RFC 4180), with a column map that says what the columns are: the same as that of \`faultline rules
backtest --columns\`, and beside it \`name\` where the site calls a point otherwise than the column. It comes as \`multipart/form-data\`,
with the parts \`columns\`, \`site\` and \`asset\` before \`file\`, or as \`text/csv\`, with \`columns\`, \`site\` and \`asset\` in the query.
\`Content-Encoding: gzip\` is taken. Times without a zone are the map's, or the site's.

The answer is 202 when all of the file has come and its header fits the map; \`Location\` tells of its progress. It is then stored in the
background, batch by batch, and goes on after a restart of the server. Every reading that is there already with the same value is
a duplicate, so the same file again changes nothing. A row that cannot be read is refused by itself, with its line.
`.trim();

function receivingRoute(scope: RouteScope, mount: Mount, needs: ImportNeeds): void {
  const schema = {
    operationId: mount.operationId('importTelemetry'),
    summary: 'Import a file of measurements',
    description,
    tags,
    consumes: ['text/csv', 'multipart/form-data'],
    params: mount.listParams,
    querystring: NewImportQuery,
    body: z.unknown().meta({ description: 'Comma-separated values, by themselves or in a form.' }),
    response: { 202: { description: 'The file has come, and is being stored.', ...json(mount) } },
  };
  const config = { ...write, streams: true, isIngest: true };
  scope.post(mount.list('imports/telemetry'), { config, schema }, (request, reply) =>
    receiveImport(
      { request, reply, mount, query: request.query, getSite: (slug) => siteOf(request, slug, needs) },
      needs,
    ),
  );
}

function json(mount: Mount) {
  return { content: { 'application/json': { schema: mount.oneOf(TelemetryImport) } } };
}

/** The site of an import, that of the path or the one that is named. */
async function siteOf(
  request: FastifyRequest,
  slug: string | undefined,
  { db }: ImportNeeds,
): Promise<{ id: string; timeZone: string }> {
  const { caller, site } = request.area;
  if (site !== null) {
    if (slug !== undefined && slug !== site.slug)
      throw refusals.invalid([
        { in: 'query', pointer: '/site', code: 'conflict', message: 'the path names another site' },
      ]);
    return site;
  }
  if (slug === undefined)
    throw refusals.invalid([{ in: 'query', pointer: '/site', code: 'required', message: 'is required' }]);
  const found = await findSite(db, caller.tenantId, slug);
  if (!found)
    throw refusals.invalid([
      { in: 'query', pointer: '/site', code: 'not_found', message: `there is no site ${slug.slice(0, 63)}` },
    ]);
  requireSite(caller, found.id);
  return { id: found.id, timeZone: found.time_zone };
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: ImportNeeds): void {
  const list = {
    operationId: mount.operationId('listImports'),
    summary: 'List imports of measurements',
    tags,
    params: mount.listParams,
    querystring: ImportQuery,
    response: { 200: mount.pageOf(TelemetryImport) },
  };
  app.get(mount.list('imports'), { config: read, schema: list }, async (request, reply) => {
    const { area } = request;
    const { page, filter } = paging.list(importList, request.query, readerOf(area));
    const rows = await listImports(db, area, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getImport'),
    summary: 'Get one import of measurements and how far it has come',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(TelemetryImport) },
  };
  app.get(mount.member('imports'), { config: read, schema: one }, async (request, reply) => {
    const found = await getImport(db, request, request.params.id);
    return shell.send(request, reply, mount.one(found));
  });
}

function cancelRoute(app: RouteScope, mount: Mount, { shell, importer }: ImportNeeds): void {
  const schema = {
    operationId: mount.operationId('cancelImport'),
    summary: 'Cancel an import of measurements',
    description: 'What is stored stays. An import that has ended is 409.',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(TelemetryImport) },
  };
  app.post(
    mount.member('imports', '/cancel'),
    { config: write, schema },
    async (request, reply): Promise<FastifyReply> => {
      const { id } = request.params;
      const answered = await shell.transact(request, reply, async (trx) => {
        const { state } = await getImport(trx, request, id);
        if (!(await endImport(trx, { id, state: 'cancelled' }))) throw refusals.importEnded(id, state);
        return mount.one(await getImport(trx, request, id));
      });
      importer.stop(id);
      return answered;
    },
  );
}

async function getImport(db: Db, request: FastifyRequest, id: string): Promise<TelemetryImport> {
  const known = await findImport(db, request.area, id);
  if (!known) throw refusals.importNotFound(id);
  requireSite(request.area.caller, known.siteId);
  return known.found;
}
