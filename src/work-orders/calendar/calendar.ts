/**
 * Work orders as a feed that calendars subscribe to (RFC 5545): each is an event of the whole day on which it is due. A feed is
 * read again and again as a whole, so what has left it is gone from the calendar, too; a cancelled one stays while its day lies
 * ahead, and says so.
 *
 * The text depends on the work orders and the day alone, and not on when it is asked for, so that its ETag holds.
 */
import { setImmediate } from 'node:timers/promises';
import ical, { ICalCalendarMethod, ICalEventStatus, ICalEventTransparency } from 'ical-generator';
import { parseDate } from '../../platform/instant.ts';
import type { Status } from '../status.ts';
import type { priorities } from '../work-order.ts';

/** A work order as a calendar shows it. */
export type Due = {
  readonly id: string;
  readonly number: number;
  readonly title: string;
  readonly status: Status;
  readonly priority: (typeof priorities)[number];
  /** The day on which it is due, `YYYY-MM-DD`. */
  readonly day: string;
  readonly equipment: string;
  readonly site: string;
  readonly assignee: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

type Feed = {
  /** What calendars call it. */
  readonly name: string;
  /** Where the API is reached, for links back; without a slash at the end. */
  readonly publicUrl: string;
};

/** How often calendars are asked to come again; most decide for themselves. */
const refreshSeconds = 3_600;
const dayMs = 86_400_000;

/** So many are written before others have their turn; 10,000 at once would take a second or two. */
const writtenAtOnce = 100;
const end = 'END:VCALENDAR';

/** The feed as text, its lines folded and ended as RFC 5545 has them (section 3.1). */
export async function writeCalendar(due: readonly Due[], feed: Feed): Promise<string> {
  const pieces = [calendarOf([], feed).slice(0, -end.length)];
  for (let from = 0; from < due.length; from += writtenAtOnce) {
    const text = calendarOf(due.slice(from, from + writtenAtOnce), feed);
    pieces.push(text.slice(text.indexOf('\r\nBEGIN:VEVENT\r\n') + 2, -end.length));
    await setImmediate();
  }
  return `${pieces.join('')}${end}\r\n`;
}

function calendarOf(due: readonly Due[], { name, publicUrl }: Feed): string {
  const calendar = ical({
    prodId: '//Faultline//Work orders//EN',
    method: ICalCalendarMethod.PUBLISH,
    // The library writes the name as it is given.
    name: escaped(plain(name)),
    ttl: refreshSeconds,
  });
  calendar.scale('GREGORIAN');
  calendar.events(due.map((order) => eventOf(order, publicUrl)));
  return calendar.toString();
}

/** By RFC 5545, section 3.8.1.9: 1 is the highest, 9 the lowest, 0 is undefined. */
const priorityNumbers = { critical: 1, high: 3, medium: 5, low: 7, none: 0 } as const;

function eventOf(order: Due, publicUrl: string) {
  const startMs = parseDate(order.day) ?? Number.NaN;
  const link = `${publicUrl}/work-orders/${order.id}`;
  return {
    id: `${order.id}@faultline`,
    // Both have whole seconds, so that a later version never has the lower number.
    sequence: Math.floor(order.updatedAt.getTime() / 1_000) - Math.floor(order.createdAt.getTime() / 1_000),
    stamp: order.updatedAt,
    lastModified: order.updatedAt,
    created: order.createdAt,
    allDay: true,
    start: new Date(startMs),
    // The day after: the end of an event is not part of it (section 3.6.1).
    end: new Date(startMs + dayMs),
    summary: titleOf(order),
    description: descriptionOf(order, link),
    location: plain(order.equipment === '' ? order.site : `${order.equipment}, ${order.site}`),
    url: link,
    status: order.status === 'cancelled' ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
    priority: priorityNumbers[order.priority],
    // What is due on a day does not take it up.
    transparency: ICalEventTransparency.TRANSPARENT,
  };
}

function titleOf({ title, priority, equipment }: Due): string {
  const urgency = priority === 'none' ? '' : `[${priority.charAt(0).toUpperCase()}${priority.slice(1)}] `;
  return `${urgency}${plain(title)}${equipment === '' ? '' : ` · ${plain(equipment)}`}`;
}

/** What is known at a glance. The text of the work order stays behind the link: the URL of a feed goes through many hands. */
function descriptionOf({ number, status, priority, equipment, site, assignee }: Due, link: string): string {
  const lines = [
    `Work order ${number}: ${status.replace('_', ' ')}`,
    `Priority: ${priority}`,
    ...(equipment === '' ? [] : [`Equipment: ${plain(equipment)}`]),
    `Site: ${plain(site)}`,
    ...(assignee === null ? [] : [`Assigned to: ${plain(assignee)}`]),
    link,
  ];
  return lines.join('\n');
}

/** Text in one line without control characters, which no content line may have (section 3.1). */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

function escaped(text: string): string {
  return text.replace(/[\\;,]/g, (character) => `\\${character}`);
}
