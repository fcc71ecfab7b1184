import type { FastifyReply, FastifyRequest } from 'fastify';
import { isTopicName } from '../../assets/discovery.ts';
import { newId } from '../../platform/id.ts';
import type { Answer, Mount } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { mediaTypeOf, readBody, refuseMediaType } from '../http/request-body.ts';
import type { ImportColumns } from './columns.ts';
import { readForm } from './form-data.ts';
import { discardImport, findImport, insertImport, noteReceived, startImport } from './import-store.ts';
import { readFileHeader } from './read-batches.ts';
import type { ImportNeeds } from './routes.ts';
import { columnsLengthMax, type NewImportQuery } from './telemetry-import.ts';

export type Receiving = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly mount: Mount;
  readonly query: NewImportQuery;
  readonly getSite: (slug: string | undefined) => Promise<{ id: string; timeZone: string }>;
};

const mediaTypes = ['text/csv', 'multipart/form-data'];
const limits = { idleMsMax: 30_000, totalMsMax: 4 * 3_600_000 };

/** Takes a file to the disk, looks whether its header fits the column map, and lets it run. Answers 202. */
export async function receiveImport(given: Receiving, needs: ImportNeeds): Promise<FastifyReply> {
  const { request } = given;
  const mediaType = mediaTypeOf(request.headers);
  if (!mediaTypes.includes(mediaType)) refuseMediaType(mediaType, mediaTypes);
  const leave = needs.receiving(request.area.caller.tenantId);
  if (!leave) throw refusals.importBusy();
  const bytes = readBody(request.raw, limits);
  try {
    if (mediaType === 'text/csv') return await receive(bytes, given.query, { given, needs });
    const { fields, file, fileName } = await readForm(bytes, request.headers['content-type'] ?? '', columnsLengthMax);
    const { columns, site, asset } = { ...given.query, ...fields };
    const query = { ...given.query, columns, site, asset, file_name: given.query.file_name ?? fileName };
    return await receive(file, query, { given, needs });
  } finally {
    // A form that is refused by one of its parts has been read no further.
    await bytes.return(undefined);
    leave();
  }
}

type Context = { readonly given: Receiving; readonly needs: ImportNeeds };

async function receive(body: AsyncIterable<Buffer>, query: NewImportQuery, { given, needs }: Context) {
  const { request } = given;
  const { db, importer } = needs;
  const site = await given.getSite(query.site);
  const columns = columnsOf(query, importer.readColumns);
  await importer.ready();
  const id = newId();
  const { tenantId } = request.area.caller;
  const isInserted = await insertImport(db, {
    ...{ id, tenantId, siteId: site.id, holderId: await importer.files.holderId() },
    ...{ columns: query.columns ?? '', asset: query.asset ?? null, fileName: query.file_name ?? null },
  });
  if (!isInserted) throw refusals.importBusy();
  try {
    const { bytes, sha256 } = await importer.files.receive(id, body, async (sofar) => {
      if (!(await noteReceived(db, { id, bytes: sofar }))) throw refusals.importEnded(id, 'cancelled');
    });
    await checkHeader(importer.files.pathOf(id), columns, site.timeZone);
    // By which a repeated request is known: the file's own hash, and what was said of it.
    request.bodyBytes = Buffer.concat([sha256, Buffer.from(JSON.stringify(query))]);
    return await needs.shell.transact(request, given.reply, async (trx) => {
      if (!(await startImport(trx, { id, bytes }))) throw refusals.importEnded(id, 'cancelled');
      const known = await findImport(trx, request.area, id);
      if (!known) throw refusals.importNotFound(id);
      return accepted(given.mount.created(request, known.found));
    });
  } finally {
    // It runs if that was committed, whatever became of the answer.
    if ((await discardImport(db, id)) === 'running') importer.enqueue(id, tenantId);
    else await importer.files.remove(id);
  }
}

/** 202, and where the import is: not below what it was sent to. */
function accepted({ headers, body }: Answer): Answer {
  const location = String(headers.location).replace('/imports/telemetry/', '/imports/');
  return { status: 202, headers: { ...headers, location }, body };
}

function columnsOf(
  { columns: text, asset }: NewImportQuery,
  readColumns: ImportNeeds['importer']['readColumns'],
): ImportColumns {
  if (text === undefined)
    throw refusals.invalid([
      { in: 'query', pointer: '/columns', code: 'required', message: 'is required: a column map' },
    ]);
  const read = readColumns(text);
  if ('faults' in read) {
    const errors = read.faults.slice(0, 20);
    throw refusals.invalid(
      errors.map((message) => ({ in: 'query', pointer: '/columns', code: 'column_map', message })),
    );
  }
  if (asset !== undefined && !isTopicName(asset)) {
    const message = 'must be 1 to 128 characters, none of them a control character';
    throw refusals.invalid([{ in: 'query', pointer: '/asset', code: 'invalid', message }]);
  }
  if (!read.columns.namesAsset && asset === undefined) {
    const message = 'name the asset of all rows, here or in the column map as asset.name or asset.column';
    throw refusals.invalid([{ in: 'query', pointer: '/asset', code: 'required', message }]);
  }
  return read.columns;
}

async function checkHeader(file: string, columns: ImportColumns, zone: string): Promise<void> {
  const header = await readFileHeader(file);
  try {
    columns.open({ header, zone });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw refusals.invalidBody(
      '',
      'unknown_column',
      header.length === 0 ? 'the file is empty' : error.message.slice(0, 2_000),
    );
  }
}
