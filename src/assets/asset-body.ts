/** What people may say of equipment when they make it, and what they may change of it. */
import { z } from 'zod';
import { AssetName } from '../access/registered-device.ts';
import { kept, plainText, text, unsettable } from '../platform/fields.ts';
import { assetStatuses, criticalities } from './asset.ts';
import { canonicalClass } from './brick-classes.ts';
import { ClassName, DateText, ExternalId, OptionalId, prose, Uri } from './kept-fields.ts';

const Tags = z.array(plainText(64)).max(50).describe('Words that group equipment, all at once.');

const atMost = (max: number, what: string) =>
  [(given: object) => Object.keys(given).length <= max, `at most ${max} ${what}`] as const;

const ParamName = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be the name of a parameter, such as min_oa');
const Params = z
  .record(ParamName, z.number().nullable())
  .refine(...atMost(200, 'parameters'))
  .describe('Parameters of rules, one by one; null takes one away.');

const Custom = z
  .record(plainText(64), z.union([text(2_000), z.number(), z.boolean(), z.null()]))
  .refine(...atMost(100, 'fields'))
  .describe('Fields of the tenant’s own, one by one; null takes one away.');

const Name = AssetName.describe('The segment that stands for it in a topic; unique in its site.');
const AssetUri = Uri.describe('Unique in the tenant; may be that of an external graph.');

const settable = {
  description: prose(10_000),
  class: unsettable(ClassName).describe(
    'A class, such as brick:Air_Handling_Unit; names without a prefix are Brick’s.',
  ),
  parent_id: OptionalId.describe('Equipment of the same site that it is part of; rules find that upstream of it.'),
  location_id: OptionalId.describe('A place of the same site; fills in location_uri.'),
  location_uri: unsettable(Uri).describe('That of a place in an external graph; absent: that of location_id.'),
  manufacturer: unsettable(plainText(200)),
  model: unsettable(plainText(200)),
  serial_number: unsettable(plainText(200)),
  install_date: unsettable(DateText),
  warranty_until: unsettable(DateText).describe('The last day of its warranty.'),
  purchase_cost: unsettable(z.number().min(0).max(1e12)).describe('What it has cost, in the currency of the tenant.'),
  useful_life_years: unsettable(z.number().min(0).max(1_000)).describe('How long it is meant to last.'),
  criticality: unsettable(z.enum(criticalities)).describe('What its failure would mean.'),
  status: z.enum(assetStatuses).optional(),
  status_reason: plainText(1_000).optional().describe('Why its status changes; stays with the change.'),
  barcode: unsettable(plainText(128)).describe('What is printed on it; unique in the tenant.'),
  tags: Tags.optional(),
  params: Params.optional(),
  custom: Custom.optional(),
  external_id: ExternalId,
  metadata: kept.metadata,
};

/** Equipment that a person makes, before or after a device sends under its name. */
export const NewAsset = z
  .strictObject({
    site: text(63)
      .optional()
      .describe('The slug of its site; absent: that of the path, of parent_id, or of the tenant by default.'),
    name: Name,
    uri: unsettable(AssetUri).describe(
      'Unique in the tenant; may be that of an external graph. Absent: one is made up.',
    ),
    ...settable,
  })
  .meta({
    id: 'NewAsset',
    override: {
      examples: [
        {
          name: 'CNC-1',
          class: 'faultline:Machine_Tool',
          manufacturer: 'DMG Mori',
          model: 'NLX 2500',
          serial_number: 'NL25-0042',
          install_date: '2019-05-20',
          warranty_until: '2027-05-20',
          criticality: 'high',
          custom: { cost_centre: '4711' },
        },
      ],
    },
  });
export type NewAsset = z.output<typeof NewAsset>;

/** What people may change of equipment: what is given changes, what is not stays. */
export const AssetChange = z
  .strictObject({ name: Name.optional(), uri: AssetUri.optional(), ...settable })
  .meta({ id: 'AssetChange', override: { examples: [{ tags: ['critical'], params: { min_oa: 0.3 } }] } });
export type AssetChange = z.output<typeof AssetChange>;

/** The same with its class by the one name that it has here. */
export function canonicalAsset<T extends { class?: string | null | undefined }>(given: T): T {
  return given.class ? { ...given, class: canonicalClass(given.class) } : given;
}
