import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Db } from '../platform/database.ts';
import { Instant, text, wholeNumber } from '../platform/fields.ts';
import { formatInstant, parseInstant } from '../platform/instant.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { Quality } from './reading.ts';
import { listReadings } from './store.ts';

/** Readings are many and small, so their pages are larger than those of other lists. */
const limitDefault = 1_000;
const limitMax = 10_000;

const ReadingReply = z
  .object({ time: Instant, value: z.number().nullable(), quality: Quality })
  .meta({ id: 'Reading', description: "One measurement, in the point's own unit; null where it is not a number." });

const instantText = text(40)
  // An offset's plus sign that was not percent-encoded arrives as a space.
  .transform((value) => value.replace(/ (\d{2}:?\d{2})$/, '+$1'))
  .refine((value) => parseInstant(value, 'UTC') !== undefined, 'must be an instant (ISO 8601)')
  .optional();

const ReadingsQuery = z.strictObject({
  start: instantText.describe("From this instant on; without a zone it is read in the site's."),
  end: instantText.describe('Before this instant.'),
  order: z.enum(['asc', 'desc']).optional().describe('By time; absent: desc, the newest first.'),
  limit: wholeNumber({ min: 1, max: limitMax, default: limitDefault }),
  cursor: z.string().max(1024).optional().describe('nextCursor of the page before.'),
});

type Needs = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  /** The tenant and the zone of a point that the request's caller may see; throws the refusal otherwise. */
  readonly getPoint: (request: FastifyRequest, id: string) => Promise<{ tenantId: string; timeZone: string }>;
};

/** The readings of one point, page by page along time. There is no total: counting a year of them costs more than it tells. */
export function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell, getPoint }: Needs): void {
  const schema = {
    operationId: mount.operationId('listReadings'),
    summary: 'Read the measurements of a point',
    tags: ['Points'],
    params: mount.memberParams,
    querystring: ReadingsQuery,
    response: { 200: mount.seriesOf(ReadingReply) },
  };
  app.get(mount.member('points', '/readings'), { config: { scope: 'points:read' }, schema }, async (request, reply) => {
    const { id: pointId } = request.params;
    const { tenantId, timeZone } = await getPoint(request, pointId);
    const { limit = limitDefault, cursor, order = 'desc', start, end } = request.query;
    const list = ['readings', tenantId, pointId, start ?? null, end ?? null, order];
    const { position, binding } = paging.open(cursor, list);
    const bounds = boundsOf({ start, end, timeZone });
    const after = position?.at;
    const found = await listReadings(db, { tenantId, pointId, ...bounds, after, order, limit: limit + 1 });
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    const more = found.length > limit && last !== undefined;
    const nextCursor = more ? paging.sign({ at: last.position, id: pointId }, binding) : null;
    const items = shown.map(({ time, value, quality }) => ({ time: formatInstant(time), value, quality }));
    return shell.send(request, reply, mount.series(request, { items, limit, nextCursor }));
  });
}

type Bounds = { startMs?: number | undefined; endMs?: number | undefined };

function boundsOf(query: { start: string | undefined; end: string | undefined; timeZone: string }): Bounds {
  const startMs = query.start === undefined ? undefined : parseInstant(query.start, query.timeZone)?.getTime();
  const endMs = query.end === undefined ? undefined : parseInstant(query.end, query.timeZone)?.getTime();
  if (startMs !== undefined && endMs !== undefined && endMs <= startMs) {
    throw refusals.invalid([{ in: 'query', pointer: '/end', code: 'conflict', message: 'must be after start' }]);
  }
  return { startMs, endMs };
}
