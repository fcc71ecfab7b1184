/** A team, to which work is given: people who are named together. Rules name it by its name, and so may a work order. */
import { z } from 'zod';
import { exampleOf, Id, Instant, kept, keptShape, plainText, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery, timestamps } from '../../platform/list-query.ts';

const membersMax = 200;

export const Team = z
  .object({
    id: Id,
    name: z.string(),
    description: z.string(),
    members: z.array(Id).describe('The people of the team.'),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Team' });
export type Team = z.infer<typeof Team>;

export const teamList = listOf({
  name: 'teams',
  id: 'team.id',
  columns: { ...timestamps('team'), name: columns.text('team.name') },
  words: ['team.name', 'team.description'],
});

export const TeamQuery = listQuery(teamList, {
  member: Id.optional().describe('Only the teams of this person.'),
  external_id: text(255).optional(),
});
export type TeamFilter = Omit<z.output<typeof TeamQuery>, ListFields>;

const fields = {
  description: text(2_000)
    .nullable()
    .transform((value) => value ?? '')
    .optional(),
  members: z
    .array(Id)
    .max(membersMax)
    .nullable()
    .transform((ids) => [...new Set(ids ?? [])])
    .optional()
    .describe('Active users of the tenant, all at once.'),
  ...kept,
};
const Name = plainText(200).describe('Of one team of the tenant alone, in whichever case.');

export const TeamBody = z
  .strictObject({ name: Name, ...fields })
  .meta({ id: 'TeamBody', ...exampleOf({ name: 'hvac-east', description: 'Air and water of the east campus' }) });
export type TeamBody = z.output<typeof TeamBody>;

export const TeamChange = z
  .strictObject({ name: Name.optional(), ...fields })
  .meta({ id: 'TeamChange', ...exampleOf({ description: 'Air and water of the east campus, and its roofs' }) });
export type TeamChange = z.output<typeof TeamChange>;
