/**
 * A query's rows as a stream of text. The next piece is read when the client has taken the last one, so that memory stays what one
 * piece takes however long the answer is; a client that goes, or takes nothing for a minute, ends the reading.
 *
 *   database ──piece──▶ text ──▶ socket        full? nothing is read until it drains
 *
 * A stream that fails ends without an end of its body, so that nobody takes it for a whole one.
 */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Db } from '../../platform/database.ts';
import { keepingTenant } from '../../platform/row-security.ts';
import { type Query, slicePiece } from './query.ts';
import type { Format } from './query-fields.ts';
import { csvHeadOf, csvOf, type Names, ndjsonOf } from './query-format.ts';
import { type Progress, readPieces } from './query-read.ts';
import type { QueryTurns, StreamTurns } from './query-turns.ts';

export type StreamFormat = Exclude<Format, 'json'>;

const mediaTypes = { json: 'application/json', ndjson: 'application/x-ndjson', csv: 'text/csv' } as const;

type Asked = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly format: StreamFormat;
  readonly names: Names;
  /** How many rows at most. */
  readonly limit: number;
};

const idleMsMax = 60_000;
const streamMsMax = 3_600_000;
/** Rows that become text at once: about a megabyte would keep others from their turn. */
const rowsAtOnce = 2_000;

/** Answers with all rows of a query. What goes wrong before the first row is refused as usual. */
export async function answerStream(
  query: Query,
  { request, reply, format, names, limit }: Asked,
  { db, turns }: { db: Db; turns: QueryTurns },
): Promise<FastifyReply> {
  const turn = turns.openStream(request.area.caller.tenantId);
  const pieces = readPieces(db, query, { position: { of: 0, afterMs: null }, rows: limit });
  // A stream asks for more as its client takes it, which is no part of the request any more.
  const read = keepingTenant(() => pieces.next());
  const close = () => {
    turn.leave();
    // What is being read ends first.
    pieces.return(undefined).catch((error: unknown) => request.log.debug({ err: error }, 'a query ended'));
  };
  try {
    const first = await turn.next(read);
    reply
      .header('vary', 'accept')
      .type(`${mediaTypes[format]}; charset=utf-8${format === 'csv' ? '; header=present' : ''}`);
    if (format === 'csv') reply.header('content-disposition', 'attachment; filename="readings.csv"');
    if (request.method === 'HEAD') {
      close();
      return reply.send('');
    }
    const lines = linesOf(query, { first, read, turn, format, names, limit });
    const stream = Readable.from(lines, { objectMode: false, highWaterMark: 65_536 });
    stream.once('close', close);
    stream.once('error', (error) => request.log.warn({ err: error, request_id: request.id }, 'a query was cut'));
    limitTime(stream, reply);
    return reply.send(stream);
  } catch (error) {
    close();
    throw error;
  }
}

type Lines = {
  readonly first: IteratorResult<Progress>;
  readonly read: () => Promise<IteratorResult<Progress>>;
  readonly turn: StreamTurns;
  readonly format: StreamFormat;
  readonly names: Names;
  readonly limit: number;
};

async function* linesOf(query: Query, { first, read, turn, format, names, limit }: Lines): AsyncGenerator<string> {
  const write = format === 'csv' ? csvOf : ndjsonOf;
  if (format === 'csv') yield csvHeadOf(query, names);
  let left = limit;
  for (let next = first; !next.done; next = await turn.next(read)) {
    const { piece } = next.value;
    const rows = Math.min(piece.timesMs.length, left);
    for (let from = 0; from < rows; from += rowsAtOnce) {
      const part = slicePiece(piece, from, Math.min(rows, from + rowsAtOnce));
      yield write(query, part, names);
    }
    left -= rows;
    if (left === 0) return;
  }
}

/** Cuts a stream that lasts too long, or of which the client takes nothing for too long. */
function limitTime(stream: Readable, { raw: response }: FastifyReply): void {
  const startedMs = performance.now();
  let takenMs = startedMs;
  let taken = 0;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const bytes = response.socket?.bytesWritten ?? 0;
    // Bytes that the kernel has taken count; a piece that is being read is the database's time, which has limits of its own.
    if (bytes !== taken || !response.writableNeedDrain) takenMs = nowMs;
    taken = bytes;
    if (nowMs - takenMs > idleMsMax) stream.destroy(new Error('the client took nothing for too long'));
    else if (nowMs - startedMs > streamMsMax) stream.destroy(new Error('the stream took too long'));
  }, 5_000).unref();
  stream.once('close', () => clearInterval(timer));
}

const ranked = Object.entries(mediaTypes) as [Format, string][];

/** The format that a query names, or else the one that Accept likes best (RFC 9110, section 12.5.1); JSON where it says nothing of ours. */
export function formatOf(named: Format | undefined, accept: string | undefined): Format {
  if (named !== undefined) return named;
  const liked = (accept ?? '').split(',').map((range) => {
    const [type = '', ...params] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = params.find((param) => param.startsWith('q='))?.slice(2);
    return { type, weight: q === undefined ? 1 : Number(q) };
  });
  const weightOf = (mediaType: string) => liked.find(({ type }) => type === mediaType)?.weight ?? 0;
  const [best] = ranked.toSorted(([, left], [, right]) => weightOf(right) - weightOf(left));
  return best && weightOf(best[1]) > 0 ? best[0] : 'json';
}
