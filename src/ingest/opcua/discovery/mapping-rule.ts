/** From browse paths to points, as data: an ordered list of rules, of which the first that matches decides. */
import { z } from 'zod';
import { text } from '../../../platform/fields.ts';
import { ClassName, Deadband, Sampling, UnitName } from '../items/item.ts';
import { pathLengthMax } from './path-pattern.ts';

export const rulesMax = 500;

const Template = text(256).min(1);
const Texts = z.union([text(200), z.array(text(200)).min(1).max(50)]);

/** Conditions beside the path. */
const When = z.strictObject({
  data_type: Texts.optional().describe('The name of its data type, or names of which it has one: Double.'),
  unit: Texts.optional().describe('Its unit, or units of which it has one.'),
  node: text(1_000).optional().describe('How its key begins: nsu=urn:plant;s=CH-'),
});

export const MappingRule = z.strictObject({
  path: text(pathLengthMax).describe(
    'Names of a browse path: texts with * and {name} in them, ** for any number of names, {name...} for one or more.',
  ),
  when: When.optional(),
  skip: z.boolean().optional().describe('No point is made of what matches.'),
  site: Template.optional().describe('The slug of the site; {site} if the path has it, else that of the connection.'),
  asset: Template.optional().describe(
    'The name of the asset; {asset} if absent. CH-{number} has a name of the path in it.',
  ),
  point: Template.optional().describe('The name of the point; {point} if absent.'),
  asset_class: ClassName.optional(),
  class: ClassName.optional(),
  unit: UnitName.optional().describe('Instead of what the server states.'),
  sampling_interval_ms: Sampling.optional(),
  deadband: Deadband.optional(),
});
export type MappingRule = z.output<typeof MappingRule>;

export const exampleRules: MappingRule[] = [
  { path: '**/Diagnostics/**', skip: true },
  {
    path: 'Plant/CH-{number}/{point}',
    asset: 'CH-{number}',
    asset_class: 'brick:Chiller',
    when: { data_type: ['Double', 'Float', 'Boolean'] },
  },
  { path: 'Plant/{asset}/{point...}' },
];

export const OpcuaMappingBody = z
  .strictObject({ rules: z.array(MappingRule).max(rulesMax).describe('The first that matches decides.') })
  .meta({ id: 'OpcuaMappingBody', examples: [{ rules: exampleRules }] });

export const OpcuaMapping = z
  .object({ rules: z.array(MappingRule), updated_at: z.iso.datetime().nullable() })
  .meta({ id: 'OpcuaMapping' });
export type OpcuaMapping = z.infer<typeof OpcuaMapping>;
