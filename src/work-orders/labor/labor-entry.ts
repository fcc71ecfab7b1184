/**
 * The time that people spend on a work order: entered, or taken by a timer.
 *
 *   start ─▶ running ──stop──▶ ended ◀── entered
 *
 * A person has one timer at most, whichever the work order.
 */
import { z } from 'zod';
import { Person } from '../../access/person.ts';
import { exampleOf, flag, Id, Instant, InstantText, kept, keptShape, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';

export const LaborEntry = z
  .object({
    id: Id,
    user_id: Id.describe('Who worked.'),
    user_detail: Person.nullable(),
    started_at: Instant,
    ended_at: Instant.nullable().describe('Null while its timer runs.'),
    minutes: z.int().describe('From its start to its end; 0 while its timer runs.'),
    running: z.boolean(),
    note: z.string(),
    created_by: Id.nullable(),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'LaborEntry' });
export type LaborEntry = z.infer<typeof LaborEntry>;

export const laborList = listOf({
  name: 'labor',
  id: 'labor_entry.id',
  columns: {
    created_at: columns.instant('labor_entry.created_at'),
    updated_at: columns.instant('labor_entry.updated_at'),
    started_at: columns.instant('labor_entry.started_at'),
    ended_at: columns.instant('labor_entry.ended_at', { isNullable: true }),
    minutes: columns.integer('labor_entry.minutes'),
  },
  words: ['labor_entry.note'],
});

export const LaborQuery = listQuery(laborList, {
  user_id: Id.optional().describe('Only the time of this person.'),
  running: flag(),
  external_id: text(255).optional(),
});
export type LaborFilter = Omit<z.output<typeof LaborQuery>, ListFields>;

/** A month: whoever works for longer makes another entry. */
export const minutesMax = 44_640;

const Given = InstantText.optional();
const Minutes = z.int().min(1).max(minutesMax).optional();
const Note = text(5_000)
  .nullable()
  .transform((value) => value ?? '')
  .optional();
const own = {
  note: Note,
  ...kept,
};
const UserId = Id.optional().describe('An active user; absent: the one who asks, or in whose name the key acts.');

export const LaborBody = z
  .strictObject({
    user_id: UserId,
    started_at: Given.describe('Absent: so many minutes before it ended.'),
    ended_at: Given.describe('Absent: so many minutes after it started, or now.'),
    minutes: Minutes.describe('Absent: from start to end.'),
    ...own,
  })
  .meta({
    id: 'LaborBody',
    ...exampleOf({ started_at: '2026-03-16T13:00:00Z', minutes: 90, note: 'Changed the actuator' }),
  });
export type LaborBody = z.output<typeof LaborBody>;

export const LaborChange = z
  .strictObject({
    started_at: Given,
    ended_at: Given.describe('Of one that runs: stops its timer.'),
    minutes: Minutes,
    ...own,
  })
  .meta({ id: 'LaborChange', ...exampleOf({ note: 'With the help of a colleague' }) });
export type LaborChange = z.output<typeof LaborChange>;

export const TimerBody = z.strictObject({ user_id: UserId, note: Note }).meta({ id: 'LaborTimer', ...exampleOf({}) });
export type TimerBody = z.output<typeof TimerBody>;
