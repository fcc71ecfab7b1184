/**
 * One-time tokens: who installs a device gives it one, and the device exchanges it for credentials of its own. A token has
 * 256 random bits, is shown once and kept as a SHA-256.
 *
 *   usable ──max_uses exchanges──▶ used        usable ──expires_at──▶ expired        usable ──revoke──▶ revoked
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { exampleOf, Id, Instant, text } from '../platform/fields.ts';
import { columns, listOf, listQuery, timestamps } from '../platform/list-query.ts';
import { DeviceCreation, DeviceName, ExternalId } from './registered-device.ts';

const usesMax = 10_000;
/** How long a token may be of use, and how long it is where nothing is said. */
export const lifeMsMax = 366 * 24 * 3_600_000;
export const lifeMsDefault = 24 * 3_600_000;

/** A new token. */
export function newToken(): string {
  return `fdt_${randomBytes(32).toString('base64url')}`;
}

const tokenStates = ['usable', 'used', 'expired', 'revoked'] as const;

/** A token as it is listed: what devices that come with it get, and whether it is still of use. */
export const DeviceToken = z
  .object({
    id: Id,
    name: z.string(),
    prefix: z.string().describe('How the token begins.'),
    state: z.enum(tokenStates),
    site: z.string().nullable(),
    asset_name: z.string().nullable(),
    protocol: DeviceCreation.shape.protocol.unwrap(),
    publish_grants: z.array(z.string()),
    subscribe_grants: z.array(z.string()),
    max_uses: z.int(),
    uses: z.int().describe('How many devices have come with it.'),
    expires_at: Instant,
    revoked_at: Instant.nullable(),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'DeviceToken' });
export type DeviceToken = z.infer<typeof DeviceToken>;

/** A token with its secret, which nobody can read again. */
export const DeviceTokenWithSecret = DeviceToken.extend({ token: z.string().describe('Shown this once.') }).meta({
  id: 'DeviceTokenWithSecret',
});

export const deviceTokenList = listOf({
  name: 'device-tokens',
  id: 'device_token.id',
  columns: {
    ...timestamps('device_token'),
    expires_at: columns.instant('device_token.expires_at'),
    name: columns.text('device_token.name'),
    uses: columns.integer('device_token.uses'),
  },
  words: ['device_token.name', 'device_token.prefix'],
});

export const DeviceTokenQuery = listQuery(deviceTokenList, { state: z.enum(tokenStates).optional() });
export type DeviceTokenFilter = Pick<z.output<typeof DeviceTokenQuery>, 'state'>;

const { site, asset_name, protocol, publish_grants, subscribe_grants } = DeviceCreation.shape;

export const DeviceTokenCreation = z
  .strictObject({
    name: DeviceName,
    site,
    asset_name: asset_name.describe('May be {external_id}, and needs a site.'),
    protocol,
    publish_grants,
    subscribe_grants,
    max_uses: z.int().min(1).max(usesMax).optional().describe('How many devices may come with it; 1 if absent.'),
    expires_at: text(40).optional().describe('At most a year from now; 24 hours from now if absent.'),
  })
  .meta({
    id: 'DeviceTokenCreation',
    ...exampleOf({
      name: 'Line 3',
      site: 'ucl-east-campus',
      publish_grants: ['telemetry/{site}/{external_id}/#'],
      max_uses: 5,
    }),
  });
export type DeviceTokenCreation = z.output<typeof DeviceTokenCreation>;

/** What a device sends that has a token and nothing else. */
export const Provisioning = z
  .strictObject({
    token: text(200),
    external_id: ExternalId.describe('What it is called elsewhere, such as its serial number.'),
    name: DeviceName.optional().describe('As external_id if absent.'),
  })
  .meta({
    id: 'DeviceProvisioning',
    examples: [{ token: 'fdt_ZXhhbXBsZS1vZi1hLXRva2VuLW5vdC1hLXJlYWwtb25l', external_id: 'S7-1200-000417' }],
  });
export type Provisioning = z.output<typeof Provisioning>;

/** The credentials of a device that has just become known. */
export const ProvisionedDevice = z
  .object({
    device_id: Id,
    name: z.string(),
    username: z.string(),
    password: z.string().describe('Shown this once.'),
    site: z.string().nullable(),
    publish_grants: z.array(z.string()),
    subscribe_grants: z.array(z.string()),
    mqtt_urls: z
      .array(z.string())
      .describe('Where it connects to.')
      .meta({ example: ['mqtt://10.0.0.5:1883'] }),
  })
  .meta({ id: 'ProvisionedDevice' });
export type ProvisionedDevice = z.infer<typeof ProvisionedDevice>;
