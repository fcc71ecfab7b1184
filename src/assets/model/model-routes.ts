import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { getAuthor } from '../../access/store.ts';
import { actorOf } from '../../events/event.ts';
import type { Db } from '../../platform/database.ts';
import { flag } from '../../platform/fields.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { isTimeZone } from '../../platform/time-zone.ts';
import { type ImportModel, ModelError } from './building-model.ts';
import { type ImportOptions, importModel } from './import-model.ts';
import { readModelApart } from './model-reader.ts';
import { ModelReport } from './model-report.ts';
import { rollBack } from './model-store.ts';

type Needs = { readonly db: Db; readonly shell: Shell; readonly findUnit: ImportOptions['findUnit'] };

const bytesMax = 16 * 1_048_576;
const runsMax = 2;

const ModelQuery = z.object({
  dry_run: flag().describe('Tells what would become of the model, and changes nothing.'),
  source: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, hyphens or underscores')
    .optional()
    .describe('Tells several models of one site apart; the format of the model if absent.'),
  assume_units: z.enum(['si', 'us']).optional().describe('The units of quantities that state none.'),
  time_zone: z.string().refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin').optional(),
  retire_vanished: flag().describe('Retires equipment of an earlier import that the model no longer has.'),
});

const example = {
  meta: { ver: '3.0' },
  cols: [{ name: 'id' }, { name: 'site' }, { name: 'dis' }],
  rows: [{ id: 'r:site', site: 'm:', dis: 'A site' }],
};
const ModelText = z.unknown().meta({
  description: 'A Brick model in Turtle, or a Project Haystack grid in JSON (Haystack 3 or Hayson).',
  examples: [example],
});

/** Imports a building model into one site: POST /sites/{slug}/models. The same model twice changes nothing the second time. */
export function modelRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const { db, shell } = needs;
  let running = 0;
  app.register((scope, _options, done) => {
    takeModels(scope as unknown as RouteScope);
    (scope as unknown as RouteScope).post(
      mount.list('models'),
      {
        config: { scope: 'assets:write' },
        bodyLimit: bytesMax,
        schema: {
          operationId: 'importModel',
          summary: 'Import a building model',
          tags: ['Assets'],
          consumes: ['application/json', 'text/turtle'],
          params: mount.listParams,
          querystring: ModelQuery,
          body: ModelText,
          response: { 200: mount.oneOf(ModelReport) },
        },
      },
      async (request, reply) => {
        if (running >= runsMax) throw refusals.modelImportBusy();
        running++;
        try {
          const model = await read(request, request.query);
          const { dry_run: isDryRun = false } = request.query;
          const write = async (trx: Db) => {
            const { caller } = request.area;
            const by = { actor: actorOf(caller), author: await getAuthor(trx, caller) };
            return importModel(trx, model, { ...optionsOf(request, needs), ...by });
          };
          if (isDryRun) {
            const report = await rollBack(db, write);
            return shell.send(request, reply, mount.found({ ...report, dry_run: true }));
          }
          return await shell.transact(request, reply, async (trx) => mount.found(await write(trx)));
        } finally {
          running--;
        }
      },
    );
    done();
  });
}

/** Models come as texts: the thread that reads them parses them as well. */
function takeModels(scope: RouteScope): void {
  scope.removeAllContentTypeParsers();
  const types = ['application/json', 'text/turtle', 'application/x-turtle'];
  scope.addContentTypeParser<Buffer>(types, { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) => {
    if (!isUtf8(bytes)) throw refusals.malformedJson('it is not UTF-8');
    request.bodyBytes = bytes;
    return bytes.toString('utf8');
  });
}

type Query = z.output<typeof ModelQuery>;

async function read(request: FastifyRequest, query: Query): Promise<ImportModel> {
  const text = typeof request.body === 'string' ? request.body : '';
  const isJson = request.headers['content-type']?.startsWith('application/json') ?? false;
  const { site } = request.area;
  const options = {
    site: site?.slug ?? null,
    siteName: null,
    timeZone: query.time_zone ?? null,
    assumeUnits: query.assume_units ?? null,
  };
  try {
    return await readModelApart({ text, format: isJson ? 'haystack' : 'brick', options });
  } catch (error) {
    if (error instanceof ModelError) throw refusals.invalidBody('', 'not_a_model', error.message);
    throw error;
  }
}

function optionsOf(request: FastifyRequest, { findUnit }: Needs): ImportOptions {
  const query = request.query as Query;
  const isJson = request.headers['content-type']?.startsWith('application/json') ?? false;
  return {
    tenantId: request.area.caller.tenantId,
    source: query.source ?? (isJson ? 'haystack' : 'brick'),
    makeSites: false,
    retireVanished: query.retire_vanished ?? false,
    forceTimeZone: query.time_zone !== undefined,
    findUnit,
  };
}
