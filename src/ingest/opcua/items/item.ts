/** Items of connections as people set and see them: one value of one node, and the point that it is. */

import { z } from 'zod';
import { isTopicName } from '../../../assets/discovery.ts';
import { findUnit } from '../../../assets/units.ts';
import { Instant, text } from '../../../platform/fields.ts';
import { columns, listOf, listQuery } from '../../../platform/list-query.ts';
import { deadbandKinds, itemStates } from '../connection.ts';
import { isNodeKey } from '../node-key.ts';

/** In one request. */
export const itemsAtOnceMax = 5_000;

/** Whether a text names a part of a value: `[3]`, `[1,2]`, `Inlet.Temperature`, `Phases[0].Current`; '' names all of it. */
export function isField(field: string): boolean {
  return field === '' || fieldForm.test(field);
}

const fieldForm =
  /^(?:\[\d{1,7}(?:,\d{1,7}){0,7}\]|[^.[\]\p{Cc}]+)(?:\[\d{1,7}(?:,\d{1,7}){0,7}\]|\.[^.[\]\p{Cc}]+)*$/u;

const Node = text(1_000)
  .refine(isNodeKey, 'must be nsu=<namespace URI>;s=<identifier> (or i, g, b), or i=<number>')
  .describe("The node by its namespace's URI.")
  .meta({ example: 'nsu=urn:plant;s=CH-1/LeavingWaterTemperature' });
const Field = text(500)
  .refine(isField, 'must be a part of a value, such as [3] or Inlet.Temperature')
  .describe('The part of the value: nothing for all of it, [3] of an array, Inlet.Temperature of a structure.');
const Name = text(128).refine(isTopicName, 'must be 1 to 128 characters, none of them a control character');
const Site = text(63).describe('The slug of a site.');

/** A class of an asset or a point. */
export const ClassName = text(160).regex(
  /^([a-z][a-z0-9]{0,31}:)?[A-Za-z][A-Za-z0-9_]{0,127}$/,
  'must be a class, such as brick:Leaving_Chilled_Water_Temperature_Sensor',
);

/** A unit of measurement by any of its names. */
export const UnitName = text(64).refine(
  (name) => findUnit(name) !== undefined,
  'must be a unit that is known here, such as degC, kW, L/s or percent',
);

export const Sampling = z
  .int()
  .min(10)
  .max(3_600_000)
  .nullable()
  .describe('How often the server looks at the node, in milliseconds; null: as often as the connection says.');

export const Deadband = z
  .strictObject({ kind: z.enum(deadbandKinds), value: z.number().min(0).max(1e12).default(0) })
  .refine(({ kind, value }) => kind !== 'percent' || value <= 100, { path: ['value'], message: 'must be 100 at most' })
  .describe(
    'Smaller changes are not sent: absolute, in the unit of the value, or in percent of the range that the server states.',
  );

/** An item of a connection, and how it is doing. */
export const OpcuaItem = z
  .object({
    id: z.int().describe('A number within its connection that is never used again.'),
    node: z.string(),
    field: z.string(),
    site: z.string(),
    asset: z.string(),
    point: z.string(),
    browse_path: z.string().nullable().describe('Where the node was found when its server was looked at.'),
    sampling_interval_ms: z.int().nullable(),
    deadband: z.object({ kind: z.enum(deadbandKinds), value: z.number() }),
    state: z
      .enum(itemStates)
      .describe('gone: the server has no such node, or the last look at it found none; it is asked for again.'),
    status: z.string().nullable().describe('The name of the StatusCode that the server answered with.'),
    detail: z.string().nullable().describe('What is wrong, and what would be right.'),
    since: Instant,
    data_type: z.string().nullable(),
    revised_sampling_interval_ms: z.number().nullable().describe('What the server has made of it.'),
    revised_bridge_ms: z.number().nullable().describe("How long an outage the server's queue bridges."),
  })
  .meta({ id: 'OpcuaItem' });
export type OpcuaItem = z.infer<typeof OpcuaItem>;

const NewItem = z.strictObject({
  node: Node,
  field: Field.default(''),
  site: Site.optional().describe("The slug of the point's site; that of the connection if absent."),
  asset: Name.describe('The name of the asset; it is made if the site has none of it.'),
  point: Name.describe('The name of the point; it is made if the asset has none of it.'),
  sampling_interval_ms: Sampling.default(null),
  deadband: Deadband.default({ kind: 'none', value: 0 }),
  asset_class: ClassName.optional().describe('Of the asset, if it is made.'),
  class: ClassName.optional().describe('Of the point, if it is made.'),
  unit: UnitName.optional().describe('Of the point, if it is made; else what the server was found to say.'),
});
export type NewItem = z.output<typeof NewItem>;

export const OpcuaItemsBody = z
  .strictObject({
    items: z
      .array(NewItem)
      .min(1)
      .max(itemsAtOnceMax)
      .describe('Each by its node and field: one that is there is changed to what is given.'),
  })
  .meta({
    id: 'OpcuaItemsBody',
    examples: [
      {
        items: [
          {
            node: 'nsu=urn:plant;s=CH-1/LeavingWaterTemperature',
            asset: 'CH-1',
            point: 'chws_temp',
            asset_class: 'brick:Chiller',
            class: 'brick:Leaving_Chilled_Water_Temperature_Sensor',
            unit: 'degC',
          },
          { node: 'nsu=urn:plant;s=CH-1/Phases', field: '[0].Current', asset: 'CH-1', point: 'current_a' },
        ],
      },
    ],
  });

/** What became of the items of a request, in its order. */
export const OpcuaItemsAnswer = z
  .object({
    added: z.int(),
    changed: z.int(),
    unchanged: z.int(),
    ids: z.array(z.int()).describe('In the order of the request.'),
  })
  .meta({ id: 'OpcuaItemsAnswer' });
export type OpcuaItemsAnswer = z.infer<typeof OpcuaItemsAnswer>;

const ids = z.array(z.int().min(1).max(2_147_483_647)).min(1).max(itemsAtOnceMax);

/** Which items are meant: those that fit all that is given. */
const Which = z
  .strictObject({
    ids: ids.optional(),
    nodes: z.array(Node).min(1).max(itemsAtOnceMax).optional(),
    site: Site.optional(),
    asset: text(128).optional(),
    state: z.enum(itemStates).optional(),
  })
  .refine((which) => Object.keys(which).length > 0, 'must say which items are meant');

export const OpcuaItemsChange = z
  .strictObject({
    where: Which,
    set: z
      .strictObject({ sampling_interval_ms: Sampling.optional(), deadband: Deadband.optional() })
      .refine((settings) => Object.keys(settings).length > 0, 'must say what to change'),
  })
  .meta({
    id: 'OpcuaItemsChange',
    examples: [{ where: { asset: 'CH-1' }, set: { sampling_interval_ms: 500 } }],
  });

export const OpcuaItemsChanged = z.object({ items: z.int() }).meta({ id: 'OpcuaItemsChanged' });

const Ids = text(8_000)
  .regex(/^\d{1,9}(,\d{1,9})*$/, 'must be ids with commas between them')
  .optional()
  .describe('Ids with commas between them.');

export const opcuaItemList = listOf({
  name: 'opcua-items',
  id: 'i.id',
  idType: 'bigint',
  columns: {
    id: columns.integer('i.id'),
    state_since: columns.instant('i.state_since'),
    node: columns.text('i.node'),
    asset: columns.text('i.asset'),
    point: columns.text('i.point'),
  },
  sort: '-id',
});

export const OpcuaItemQuery = listQuery(opcuaItemList, {
  state: z.enum(itemStates).optional(),
  site: Site.optional(),
  asset: text(128).optional(),
  node: text(1_000).optional(),
  q: text(200).optional().describe('A part of its node, its browse path or the names of its point, in any case.'),
});

export const OpcuaItemsRemoval = z.strictObject({
  ids: Ids,
  site: Site.optional(),
  asset: text(128).optional(),
  node: text(1_000).optional(),
  state: z.enum(itemStates).optional(),
  all: z.enum(['true']).optional().describe('Every item of the connection, where nothing else is given.'),
});

/** Which items of a connection are meant; those that fit all that is given. */
export type ItemFilter = {
  readonly ids?: readonly number[] | undefined;
  readonly nodes?: readonly string[] | undefined;
  readonly site?: string | undefined;
  readonly asset?: string | undefined;
  readonly state?: (typeof itemStates)[number] | undefined;
  readonly q?: string | undefined;
};
