/**
 * The checklist of a work order. Each task asks for something of its kind; it is done once it has an answer:
 *
 *   check ─ true     text ─ words     number, meter ─ a number within min and max     choice ─ one of its options
 */
import { z } from 'zod';
import { Person } from '../../access/person.ts';
import { exampleOf, flag, Id, Instant, kept, keptShape, plainText, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';

export const taskKinds = ['check', 'text', 'number', 'meter', 'choice'] as const;
export type TaskKind = (typeof taskKinds)[number];

const Value = z.union([z.boolean(), z.number(), z.string()]);
export type TaskValue = z.output<typeof Value>;

export const Task = z
  .object({
    id: Id,
    position: z
      .int()
      .describe(
        'Where it stands in the checklist: after those of lower numbers, and of one number after those that are older.',
      ),
    title: z.string(),
    kind: z.enum(taskKinds),
    required: z.boolean().describe('Whether the work order cannot be completed without it.'),
    options: z.array(z.string()).describe('What a choice is among.'),
    unit: z.string().describe('Of a number, or of what a meter counts.'),
    min: z.number().nullable(),
    max: z.number().nullable(),
    value: Value.nullable().describe('The answer: true or false, a text, a number, or one of the options.'),
    note: z.string(),
    done: z.boolean(),
    done_at: Instant.nullable(),
    done_by: Id.nullable(),
    done_by_detail: Person.nullable(),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Task' });
export type Task = z.infer<typeof Task>;

export const taskList = listOf({
  name: 'tasks',
  id: 'work_order_task.id',
  columns: {
    position: columns.integer('work_order_task.position'),
    created_at: columns.instant('work_order_task.created_at'),
    updated_at: columns.instant('work_order_task.updated_at'),
    title: columns.text('work_order_task.title'),
  },
  words: ['work_order_task.title', 'work_order_task.note'],
  sort: 'position',
});

export const TaskQuery = listQuery(taskList, {
  kind: z.enum(taskKinds).optional(),
  required: flag(),
  done: flag(),
  external_id: text(255).optional(),
});
export type TaskFilter = Omit<z.output<typeof TaskQuery>, ListFields>;

const optionsMax = 50;
const Options = z.array(plainText(200)).max(optionsMax).refine(areDistinct, 'must be distinct');
const Bound = z.number().nullable().optional().describe('Of a number or a meter.');
const line = (max: number) =>
  text(max)
    .nullable()
    .transform((value) => value ?? '')
    .optional();

const fields = {
  required: z.boolean().optional(),
  options: Options.optional().describe('Of a choice, at least two.'),
  unit: line(50),
  min: Bound,
  max: Bound,
  value: Value.nullable().optional().describe('The answer; null takes it back.'),
  note: line(5_000),
  position: z.int().min(1).max(100_000).optional().describe('Absent: the last.'),
  ...kept,
};

export const TaskBody = z
  .strictObject({
    title: plainText(500).describe('What is to be done, measured or chosen.'),
    kind: z.enum(taskKinds).optional().describe('check, if absent.'),
    ...fields,
  })
  .meta({
    id: 'TaskBody',
    ...exampleOf({ title: 'Supply air temperature', kind: 'number', unit: '°C', min: 10, max: 18 }),
  });
export type TaskBody = z.output<typeof TaskBody>;

export const TaskChange = z
  .strictObject({ title: plainText(500).optional(), ...fields })
  .meta({ id: 'TaskChange', ...exampleOf({ note: 'Measured behind the filter' }) });
export type TaskChange = z.output<typeof TaskChange>;

function areDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
