import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import type { ShownSeries } from './query.ts';
import { BucketReply, pageLimits, ReadingReply, ReadingsQuery, SampleReply } from './query-fields.ts';
import { bucketNameOf, itemsOf } from './query-format.ts';
import { widenToKept } from './query-kept.ts';
import { openQueryCursor, readPage, signQueryCursor } from './query-page.ts';
import { listSeries } from './query-series-store.ts';
import { answerStream, formatOf } from './query-stream.ts';
import type { QueryTurns } from './query-turns.ts';
import { showInUnit } from './show-unit.ts';
import { understandQuery } from './understand-query.ts';

export type ReadingNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly turns: QueryTurns;
  /** The tenant and the zone of a point that the request's caller may see; throws the refusal otherwise. */
  readonly getPoint: (request: FastifyRequest, id: string) => Promise<{ tenantId: string; timeZone: string }>;
};

export const streamed = {
  ndjson: z.string().describe('A row a line, without end but that of the query.'),
  csv: z.string().describe('A header, and a row a line (RFC 4180).'),
};

const description = `
Measurements as they are, newest first, or what the measurements of each bucket say. A bucket is always whole: it has one value, whichever
span asks for it, and \`start\` and \`end\` fall into the first and the last of them. Lengths are counted from Monday 2000-01-03 UTC; days, weeks and
months are those of a clock in \`time_zone\`, so that a day may have 23 or 25 hours.

\`twa\` is weighted by the time that each value held, \`mean\` (also \`avg\`) by the number of measurements. \`fill=last\` puts the last measurement before
them into buckets without any, \`linear\` a line between the buckets on both sides; \`sum\` and \`count\` are never filled. \`bucket=auto\` finds a width
for so many \`pixels\`, named by \`X-Bucket\`; with \`sampling=lttb\` it keeps at most so many measurements, which draw the line of all.

A \`start\` before which measurements, or roll-ups so narrow, are not kept any more is refused (\`resolution_dropped\`), with the instant from
which on they are; without a \`start\` it is all measurements that there are.

As JSON it comes in pages. As \`text/csv\` or \`application/x-ndjson\` (by \`Accept\`, or \`format\`) it is a stream of all rows, of any length; one that is
cut has no end of its body. Safe: it changes nothing.
`.trim();

/** The readings of one point, page by page along time. There is no total: counting a year of them costs more than it tells. */
export function readingRoutes(app: RouteScope, mount: Mount, needs: ReadingNeeds): void {
  const schema = {
    operationId: mount.operationId('listReadings'),
    summary: 'Read the measurements of a point',
    description,
    tags: ['Points'],
    params: mount.memberParams,
    querystring: ReadingsQuery,
    response: {
      200: {
        description: 'A page, or all rows as a stream.',
        content: {
          'application/json': { schema: mount.seriesOf(z.union([ReadingReply, BucketReply, SampleReply])) },
          'application/x-ndjson': { schema: streamed.ndjson },
          'text/csv': { schema: streamed.csv },
        },
      },
    },
  };
  const { db, paging, shell, turns } = needs;
  app.get(mount.member('points', '/readings'), { config: { scope: 'points:read' }, schema }, async (request, reply) => {
    const { tenantId, series, timeZone } = await getSeries(request, request.params.id, needs);
    const { format: named, limit, cursor, unit: _, ...given } = request.query;
    const format = formatOf(named, request.headers.accept);
    const asked = { ...given, agg: given.agg?.split(','), quality: given.quality?.split(',') };
    const list = ['readings', tenantId, series.pointId, series.unit, given];
    const { found, binding } = openQueryCursor(paging, cursor, list);
    const nowMs = found?.nowMs ?? shell.now().getTime();
    const orderOfReadings = format === 'json' ? 'desc' : 'asc';
    const read = { place: 'query', series: [series], timeZone, nowMs, orderOfReadings } as const;
    const bounds = found && { startMs: found.startMs, endMs: found.endMs };
    const query = await widenToKept(db, { ...understandQuery(asked, read), ...bounds });
    if (format !== 'json') {
      if (cursor !== undefined) throw refusals.invalid([cursorOfStream]);
      const all = { request, reply, format, names: 'unnamed', limit: limit ?? Number.POSITIVE_INFINITY } as const;
      return answerStream(query, all, { db, turns });
    }
    const rows = limit ?? pageLimits.default;
    const position = found ?? { of: 0, afterMs: null };
    const { pieces, next } = await turns.page(tenantId, () => readPage(db, query, { position, limit: rows }));
    const nextCursor = signQueryCursor(paging, next, { query, binding });
    const items = pieces.flatMap((piece) => itemsOf(query, piece));
    reply.headers({ vary: 'accept', 'x-bucket': bucketNameOf(query, 0) });
    return shell.send(request, reply, mount.series(request, { items, limit: rows, nextCursor }));
  });
}

const cursorOfStream = {
  in: 'query',
  pointer: '/cursor',
  code: 'conflict',
  message: 'goes with pages of JSON; a stream has all rows, and goes on from a start',
} as const;

async function getSeries(
  request: FastifyRequest & { readonly query: { readonly unit?: string | undefined; time_zone?: string | undefined } },
  pointId: string,
  { db, getPoint }: ReadingNeeds,
): Promise<{ tenantId: string; timeZone: string; series: ShownSeries }> {
  const { tenantId, timeZone } = await getPoint(request, pointId);
  const siteId = request.area.site?.id ?? null;
  const [series] = await listSeries(db, { tenantId, siteId, names: [{ pointId }] });
  if (!series) throw refusals.pointNotFound(pointId);
  const shown = showInUnit(series, request.query.unit);
  if ('fault' in shown)
    throw refusals.invalid([{ in: 'query', pointer: '/unit', code: 'invalid', message: shown.fault }]);
  return { tenantId, timeZone, series: shown };
}
