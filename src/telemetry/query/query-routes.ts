import type { FastifyRequest } from 'fastify';
import type { Db } from '../../platform/database.ts';
import { jsonOf } from '../../platform/json-text.ts';
import type { Answer, Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import type { FieldError } from '../../platform/refusal.ts';
import { refusals } from '../../platform/refusals.ts';
import { type Query, type Series, type ShownSeries, widthOf } from './query.ts';
import { SeriesReply, TelemetryQuery } from './query-fields.ts';
import { seriesObjects } from './query-format.ts';
import { countBuckets } from './query-grid.ts';
import { widenToKept } from './query-kept.ts';
import { queryLimits } from './query-limits.ts';
import { openQueryCursor, readPage, signQueryCursor } from './query-page.ts';
import type { PointName } from './query-series-store.ts';
import { answerStream, formatOf } from './query-stream.ts';
import type { QueryTurns } from './query-turns.ts';
import { streamed } from './routes.ts';
import { showInUnit } from './show-unit.ts';
import { understandQuery } from './understand-query.ts';

export type QueryNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly turns: QueryTurns;
  /** The series of points in the order of their names, undefined for one that does not exist for the request's caller; throws site_forbidden. */
  readonly findSeries: (request: FastifyRequest, names: readonly PointName[]) => Promise<(Series | undefined)[]>;
};

const description = `
Up to ${queryLimits.pointsMax} points at once, each as columns; \`bucket\`, \`agg\`, \`fill\` and the others mean what they mean for the measurements of
one point. Days, weeks and months are those of each point's own site where \`time_zone\` says nothing.

As JSON it is one answer, or refused (\`query_too_large\`) where it would have more than ${queryLimits.valuesMax.toLocaleString('en')} values or
${queryLimits.readingsMax.toLocaleString('en')} measurements; with \`limit\` it comes in pages instead, point after point, and \`cursor\` goes into the body. As \`text/csv\` or
\`application/x-ndjson\` (by \`Accept\`, or \`format\`) it is a stream of all rows, of any length.

Safe: it changes nothing, and may be repeated. With an Idempotency-Key a JSON answer of up to 1 MB comes again for 24 hours.
`.trim();

const keptBytesMax = 1_000_000;

/** Many points at once: POST, since five hundred of them do not go into a URL. */
export function queryRoutes(app: RouteScope, mount: Mount, needs: QueryNeeds): void {
  const { db, shell, turns } = needs;
  const schema = {
    operationId: mount.operationId('queryTelemetry'),
    summary: 'Read the measurements of many points',
    description,
    tags: ['Telemetry'],
    params: mount.listParams,
    body: TelemetryQuery,
    response: {
      200: {
        description: 'All of it, a page, or all rows as a stream.',
        content: {
          'application/json': { schema: mount.seriesOf(SeriesReply) },
          'application/x-ndjson': { schema: streamed.ndjson },
          'text/csv': { schema: streamed.csv },
        },
      },
    },
  };
  const config = { scope: 'points:read' } as const;
  app.post(mount.list('telemetry/query'), { config, schema }, async (request, reply) => {
    const { body } = request;
    const { tenantId } = request.area.caller;
    const format = formatOf(body.format, request.headers.accept);
    const series = await findShown(request, body, needs);
    if (format !== 'json') {
      if (body.cursor !== undefined) throw refusals.invalidBody('/cursor', 'conflict', 'goes with pages of JSON');
      const understood = understand(request, body, { series, nowMs: shell.now().getTime() });
      const query = await widenToKept(db, understood);
      const all = { request, reply, format, names: 'named', limit: body.limit ?? Number.POSITIVE_INFINITY } as const;
      return answerStream(query, all, { db, turns });
    }
    reply.header('vary', 'accept');
    const answer = () => answerJson(request, body, { ...needs, mount, series });
    if (request.headers['idempotency-key'] === undefined)
      return shell.send(request, reply, await turns.page(tenantId, answer));
    const write = async () => keepable(await answer());
    return shell.transact(request, reply, write, (_, work) => turns.page(tenantId, work));
  });
}

type Found = { readonly mount: Mount; readonly series: readonly ShownSeries[] };

async function answerJson(request: FastifyRequest, body: TelemetryQuery, given: QueryNeeds & Found): Promise<Answer> {
  const { db, paging, shell, mount, series } = given;
  const { cursor, limit, ...list } = body;
  const { area } = request;
  const opened = openQueryCursor(paging, cursor, ['telemetry', area.caller.tenantId, area.site?.id ?? null, list]);
  const { found, binding } = opened;
  const understood = understand(request, body, { series, nowMs: found?.nowMs ?? shell.now().getTime() });
  const bounds = found && { startMs: found.startMs, endMs: found.endMs };
  const query = await widenToKept(db, { ...understood, ...bounds });
  if (limit === undefined) refuseTooLarge(query);
  const most = query.form.kind === 'raw' ? queryLimits.readingsMax : Number.POSITIVE_INFINITY;
  const position = found ?? { of: 0, afterMs: null };
  const { pieces, next } = await readPage(db, query, { position, limit: limit ?? most });
  if (limit === undefined && next !== null) {
    const reason = `The points have more than ${most.toLocaleString('en')} measurements in this span`;
    throw refusals.queryTooLarge(`${reason}: ${lessWays}.`);
  }
  const nextCursor = signQueryCursor(paging, next, { query, binding });
  const items = seriesObjects(query, pieces);
  const answer = mount.series(request, { items, limit: limit ?? queryLimits.pageRowsMax, nextCursor });
  // The next page has the same path, and the cursor in its body.
  const { link: _, ...headers } = answer.headers;
  return { ...answer, headers };
}

const lessWays =
  'ask for wider buckets, a shorter span or fewer points, for pages by limit and cursor, or for a stream as text/csv or application/x-ndjson';

function refuseTooLarge({ series, form, startMs, endMs }: Query): void {
  if (form.kind === 'raw') return;
  const [first] = series;
  const isTriangles = form.kind === 'triangles';
  const rows = isTriangles ? form.pointsMax : first ? countBuckets(widthOf(form, first), { startMs, endMs }) : 0;
  const columns = isTriangles ? 1 : form.aggregates.length;
  const values = series.length * rows * columns;
  if (values <= queryLimits.valuesMax) return;
  const [all, most] = [values, queryLimits.valuesMax].map((count) => count.toLocaleString('en'));
  const counts = `${series.length} points, ${rows} rows of each and ${columns} values in a row are up to ${all} values`;
  throw refusals.queryTooLarge(`${counts}, and one answer has ${most} at most: ${lessWays}.`);
}

function understand(
  { area }: FastifyRequest,
  body: TelemetryQuery,
  { series, nowMs }: { series: readonly ShownSeries[]; nowMs: number },
): Query {
  const zones = new Set(series.map((one) => one.timeZone));
  const [only] = zones.size === 1 ? zones : [];
  const timeZone = area.site?.timeZone ?? only ?? area.caller.timeZone;
  const asked = { ...body, end: body.end ?? 'now' };
  return understandQuery(asked, { place: 'body', series, timeZone, nowMs, orderOfReadings: 'asc' });
}

/** The series that a body names, in the units it asks for; throws validation_failed with every point that is wrong. */
async function findShown(
  request: FastifyRequest,
  { points }: TelemetryQuery,
  { findSeries }: QueryNeeds,
): Promise<ShownSeries[]> {
  const faults: FieldError[] = [];
  const slug = request.area.site?.slug;
  const fault = (index: number, below: string, code: string, message: string) =>
    faults.push({ in: 'body', pointer: `/points/${index}${below}`, code, message });
  const names = points.map((point, index): PointName => {
    if (typeof point === 'string') return { pointId: point };
    if ('point_id' in point) return { pointId: point.point_id };
    const site = point.site ?? slug;
    if (site === undefined) fault(index, '/site', 'required', 'is required');
    return { site: site ?? '', asset: point.asset, point: point.point };
  });
  if (faults.length > 0) throw refusals.invalid(faults);
  const found = await findSeries(request, names);
  const shown = points.map((point, index) => {
    const series = found[index];
    if (!series) return { fault: 'there is no such point', below: '', code: 'not_found' };
    if (series.mergedInto !== null)
      return { fault: `was merged into ${series.mergedInto}; ask for that one`, below: '', code: 'merged' };
    const inUnit = showInUnit(series, typeof point === 'string' ? undefined : point.unit);
    return 'fault' in inUnit ? { ...inUnit, below: '/unit', code: 'invalid' } : inUnit;
  });
  shown.forEach((one, index) => {
    if ('fault' in one) fault(index, one.below, one.code, one.fault);
  });
  if (faults.length > 0) throw refusals.invalid(faults);
  return shown.flatMap((one) => ('fault' in one ? [] : [one]));
}

/** An answer as it may be kept for a repeated request. */
function keepable(answer: Answer): Answer {
  if (Buffer.byteLength(jsonOf(answer.body)) <= keptBytesMax) return answer;
  throw refusals.queryTooLarge(
    `With an Idempotency-Key the answer is kept, and may have ${keptBytesMax / 1e6} MB: a query changes nothing, so leave the key out.`,
  );
}
