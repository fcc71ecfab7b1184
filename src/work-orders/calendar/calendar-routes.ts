import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { requireSite } from '../../access/api-key.ts';
import { findSiteBySlug } from '../../access/site-store.ts';
import type { Db } from '../../platform/database.ts';
import { ifNoneMatchNames } from '../../platform/etag.ts';
import { Id, text } from '../../platform/fields.ts';
import { dateIn, parseDate } from '../../platform/instant.ts';
import type { RouteScope, Shell } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { writeCalendar } from './calendar.ts';
import { findAssignee, listDue } from './calendar-store.ts';

type Needs = { readonly db: Db; readonly shell: Shell; readonly publicUrl: string };

const mediaType = 'text/calendar';

const CalendarQuery = z.strictObject({
  key: text(500)
    .optional()
    .describe('An API key, for calendars that can send no header; it is taken from a query here and nowhere else.'),
  site: text(63).optional().describe('Only what is at the site of this slug.'),
  assigned_to: Id.optional().describe('Only the work of this user.'),
});

const Calendar = z.string().meta({
  example: [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Faultline//Work orders//EN',
    'BEGIN:VEVENT',
    'UID:01a10e6e-7c1c-7000-8000-000000000001@faultline',
    'SEQUENCE:1359',
    'DTSTAMP:20260411T184512Z',
    'DTSTART;VALUE=DATE:20260415',
    'DTEND;VALUE=DATE:20260416',
    'SUMMARY:[High] Bearing replacement on CNC #1 · CNC-01',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n'),
});

const description = `
Subscribe to it by its URL: each work order that is open or in progress and due today or in the next 90 days is an event of the
whole day on which it is due; one that was cancelled stays until then and says so. Days are those of the tenant's time zone. At most
10,000, the soonest first.

Calendars cannot send an \`Authorization\` header, so the API key may be given as \`?key=\`. A URL goes through many hands: make a key with
the scope \`calendar:read\` alone for it.

Safe: it changes nothing.
`.trim();

/** How many days ahead a calendar shows, beside today (R20). */
const daysAhead = 90;
const dayMs = 86_400_000;

/** The feed of what is due, on the tenant's mount alone. */
export function calendarRoutes(app: RouteScope, { db, shell, publicUrl }: Needs): void {
  const schema = {
    operationId: 'getCalendar',
    summary: 'Work orders of the next 90 days, for calendars',
    description,
    tags: ['Work orders'],
    querystring: CalendarQuery,
    response: {
      200: { description: 'An iCalendar (RFC 5545).', content: { [mediaType]: { schema: Calendar } } },
      304: { description: 'The version that If-None-Match names is the present one.' },
    },
  };
  const config = { scope: 'calendar:read', isKeyInQuery: true } as const;
  app.get('/calendar.ics', { config, schema }, async (request, reply) => {
    const { area, query } = request;
    const filter = await filterOf(db, request, query);
    const due = await listDue(db, area, { ...windowAt(shell.now(), area.caller.timeZone), ...filter });
    const calendar = await writeCalendar(due, { name: nameOf(area.caller.livemode, filter), publicUrl });
    const etag = `"${createHash('sha256').update(calendar).digest('base64url').slice(0, 22)}"`;
    // A copy may be kept, by the calendar alone, and is to be asked about each time.
    reply.headers({ etag, 'cache-control': 'private, no-cache' });
    if (ifNoneMatchNames(request.headers['if-none-match'], etag)) return reply.code(304).send();
    const disposition = 'inline; filename="work-orders.ics"';
    return reply.type(`${mediaType}; charset=utf-8`).header('content-disposition', disposition).send(calendar);
  });
}

/** The days that the feed shows, as a clock of the tenant counts them. */
function windowAt(at: Date, timeZone: string): { from: string; to: string } {
  const from = dateIn(timeZone, at);
  const toMs = (parseDate(from) ?? 0) + daysAhead * dayMs;
  return { from, to: new Date(toMs).toISOString().slice(0, 10) };
}

type Filter = {
  readonly siteId: string | null;
  readonly assignedTo: string | null;
  /** What they are called. */
  readonly names: readonly string[];
};

/** What the query names. A name that there is not is refused: a calendar that stays empty would tell nobody. */
async function filterOf(
  db: Db,
  { area: { caller } }: Pick<FastifyRequest, 'area'>,
  { site: slug, assigned_to: userId }: z.output<typeof CalendarQuery>,
): Promise<Filter> {
  const site = slug === undefined ? undefined : await findSiteBySlug(db, caller.tenantId, slug);
  if (slug !== undefined && !site) throw unknown('/site', 'there is no such site');
  if (site) requireSite(caller, site.id);
  const person = userId === undefined ? undefined : await findAssignee(db, caller.tenantId, userId);
  if (userId !== undefined && person === undefined) throw unknown('/assigned_to', 'there is no such user');
  const names = [site?.slug, person].filter((name) => name !== undefined);
  return { siteId: site?.id ?? null, assignedTo: userId ?? null, names };
}

const unknown = (pointer: string, message: string) =>
  refusals.invalid([{ in: 'query', pointer, code: 'not_found', message }]);

function nameOf(livemode: boolean, { names }: Filter): string {
  const parts = names.length === 0 ? '' : ` (${names.join(', ')})`;
  return `${livemode ? '' : 'Test: '}Work orders${parts}`;
}
