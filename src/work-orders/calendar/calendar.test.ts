import fc from 'fast-check';
import ICAL from 'ical.js';
import { describe, expect, test } from 'vitest';
import { type Due, writeCalendar } from './calendar.ts';

const feed = { name: 'Work orders', publicUrl: 'https://faultline.example' };
const order: Due = {
  id: '01a10e6e-7c1c-7000-8000-000000000001',
  number: 17,
  title: 'Replace the filter',
  status: 'open',
  priority: 'high',
  day: '2026-04-15',
  equipment: 'AHU-01',
  site: 'Campus',
  assignee: 'alex',
  createdAt: new Date('2026-04-11T18:22:33.500Z'),
  updatedAt: new Date('2026-04-11T18:45:12.250Z'),
};

/** The events of a text, as a library of others reads it; it throws where the text is no iCalendar. */
function read(text: string) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  return { calendar, events: calendar.getAllSubcomponents('vevent') };
}

async function only(due: Due) {
  const { events } = read(await writeCalendar([due], feed));
  expect(events).toHaveLength(1);
  return events[0] as ICAL.Component;
}

const propertyOf = (component: ICAL.Component, name: string) => String(component.getFirstPropertyValue(name));
const linesOf = (text: string) => text.split('\r\n');

describe('a calendar', () => {
  test('R18: begins and ends as RFC 5545 has it, and says how often to come again', async () => {
    const text = await writeCalendar([], feed);
    expect(linesOf(text)).toEqual([
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Faultline//Work orders//EN',
      'CALSCALE:GREGORIAN',
      'METHOD:PUBLISH',
      'NAME:Work orders',
      'X-WR-CALNAME:Work orders',
      'REFRESH-INTERVAL;VALUE=DURATION:PT1H',
      'X-PUBLISHED-TTL:PT1H',
      'END:VCALENDAR',
      '',
    ]);
  });

  test('R21: an event of the whole day, with priority, equipment and a link back', async () => {
    const lines = linesOf(await writeCalendar([order], feed));
    expect(lines).toContain('DTSTART;VALUE=DATE:20260415');
    expect(lines).toContain('DTEND;VALUE=DATE:20260416');
    const event = await only(order);
    expect(propertyOf(event, 'summary')).toBe('[High] Replace the filter · AHU-01');
    expect(propertyOf(event, 'location')).toBe('AHU-01, Campus');
    expect(propertyOf(event, 'url')).toBe(`https://faultline.example/work-orders/${order.id}`);
    expect(propertyOf(event, 'description').split('\n')).toEqual([
      'Work order 17: open',
      'Priority: high',
      'Equipment: AHU-01',
      'Site: Campus',
      'Assigned to: alex',
      `https://faultline.example/work-orders/${order.id}`,
    ]);
    expect(propertyOf(event, 'priority')).toBe('3');
    expect(propertyOf(event, 'transp')).toBe('TRANSPARENT');
  });

  test.each([
    ['2026-12-31', '20261231', '20270101'],
    ['2028-02-28', '20280228', '20280229'],
    ['2026-03-29', '20260329', '20260330'],
  ])('R21: of %s the end is the day after, which is not part of it', async (day, start, end) => {
    const lines = linesOf(await writeCalendar([{ ...order, day }], feed));
    expect(lines).toContain(`DTSTART;VALUE=DATE:${start}`);
    expect(lines).toContain(`DTEND;VALUE=DATE:${end}`);
  });

  test.each([
    ['critical', '[Critical] Replace the filter', '1'],
    ['high', '[High] Replace the filter', '3'],
    ['medium', '[Medium] Replace the filter', '5'],
    ['low', '[Low] Replace the filter', '7'],
    ['none', 'Replace the filter', '0'],
  ] as const)('R21: priority %s is %s', async (priority, title, number) => {
    const event = await only({ ...order, priority, equipment: '' });
    expect([propertyOf(event, 'summary'), propertyOf(event, 'priority')]).toEqual([title, number]);
    expect(propertyOf(event, 'location')).toBe('Campus');
  });

  test('stands for one work order under one UID, in a version that never goes back', async () => {
    const before = await only(order);
    const after = await only({ ...order, title: 'Another', updatedAt: new Date('2026-04-12T00:00:00.100Z') });
    expect(propertyOf(after, 'uid')).toBe(propertyOf(before, 'uid'));
    expect(propertyOf(before, 'uid')).toBe(`${order.id}@faultline`);
    expect(propertyOf(before, 'dtstamp')).toBe('2026-04-11T18:45:12Z');
    expect([Number(propertyOf(before, 'sequence')), Number(propertyOf(after, 'sequence'))]).toEqual([1359, 20247]);
    expect(propertyOf(await only({ ...order, updatedAt: order.createdAt }), 'sequence')).toBe('0');
  });

  test.each([
    ['open', 'CONFIRMED'],
    ['in_progress', 'CONFIRMED'],
    ['cancelled', 'CANCELLED'],
  ] as const)('a work order that is %s is %s', async (status, shown) => {
    expect(propertyOf(await only({ ...order, status }), 'status')).toBe(shown);
  });

  test.each([
    ['Evil\r\nEND:VEVENT\r\nBEGIN:VEVENT', '[High] Evil END:VEVENT BEGIN:VEVENT · AHU-01'],
    ['a\nb\rc\td', '[High] a b c d · AHU-01'],
    ['semi;colon, comma \\ back\\nslash', '[High] semi;colon, comma \\ back\\nslash · AHU-01'],
    ['"quoted": ^n ^^ ATTENDEE:mailto:x@y', '[High] "quoted": ^n ^^ ATTENDEE:mailto:x@y · AHU-01'],
    ['\u0000\u0007bell\u001b[31m\u0085next\u2028line', '[High] bell [31m next line · AHU-01'],
    ['Ventil prüfen 🔧🏽 検査', '[High] Ventil prüfen 🔧🏽 検査 · AHU-01'],
  ])('the hostile title %j is a title and nothing else', async (title, shown) => {
    expect(propertyOf(await only({ ...order, title }), 'summary')).toBe(shown);
  });

  test('the name of the feed is a name and nothing else', async () => {
    const text = await writeCalendar([order], { ...feed, name: 'a,b;c\\d\r\nMETHOD:CANCEL' });
    const { calendar, events } = read(text);
    expect(linesOf(text)).toContain('NAME:a\\,b\\;c\\\\d METHOD:CANCEL');
    expect(calendar.getAllProperties('method')).toHaveLength(1);
    expect(events).toHaveLength(1);
  });
});

test('many work orders are written piece by piece, so that others have their turn, and are one calendar', async () => {
  const many = Array.from({ length: 1_001 }, (_, i) => ({ ...order, id: `${i}`, title: `Task ${i}` }));
  let turns = 0;
  const counting = setInterval(() => (turns += 1));
  const text = await writeCalendar(many, feed);
  clearInterval(counting);
  const { events } = read(text);
  expect(events.map((event) => propertyOf(event, 'summary'))).toEqual(
    many.map(({ title }) => `[High] ${title} · AHU-01`),
  );
  expect(text.match(/BEGIN:VCALENDAR|END:VCALENDAR|METHOD/g)).toEqual(['BEGIN:VCALENDAR', 'METHOD', 'END:VCALENDAR']);
  expect(turns).toBeGreaterThan(1);
});

describe('whatever people write', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    // Folding goes wrong at the edges: characters of one to four octets, close to the 75th.
    fc
      .array(fc.constantFrom('a', 'é', '検', '🔧', '\r\n', ';', ',', '\\', '\n ', 'END:VEVENT'), { maxLength: 120 })
      .map((parts) => parts.join('')),
  );
  const due = fc.record({
    title: text,
    equipment: text,
    site: text,
    assignee: fc.option(text),
    priority: fc.constantFrom('none', 'low', 'medium', 'high', 'critical' as const),
    status: fc.constantFrom('open', 'in_progress', 'cancelled' as const),
  });

  test('lines have 75 octets at most, whole characters, and CRLF alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(due, { maxLength: 4 }), async (orders) => {
        const written = await writeCalendar(
          orders.map((given) => ({ ...order, ...given }) as Due),
          feed,
        );
        expect(written.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
        for (const line of linesOf(written)) {
          expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
          expect(line.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('another library reads the titles back as they were, but for control characters', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(due, { minLength: 1, maxLength: 4 }), async (orders) => {
        const given = orders.map((one) => ({ ...order, ...one, priority: 'none', equipment: '' }) as Due);
        const { events } = read(await writeCalendar(given, feed));
        const shown = (title: string) => title.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
        expect(events.map((event) => event.getFirstPropertyValue('summary') ?? '')).toEqual(
          given.map(({ title }) => shown(title.toWellFormed())),
        );
      }),
      { numRuns: 300 },
    );
  });
});
