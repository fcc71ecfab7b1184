/**
 * Devices as the API shows and takes them.
 *
 *   registered ──revoke──▶ revoked ──delete──▶ deleted       (delete revokes, too; nothing leads back)
 */
import { z } from 'zod';
import { exampleOf, flag, Id, Instant, kept, keptShape, plainText, text, unsettable } from '../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery, timestamps } from '../platform/list-query.ts';
import { isTopicFilter } from './device-grants.ts';

const grantsMax = 50;
const grantLengthMax = 512;

const protocols = ['mqtt', 'sparkplug_b', 'http'] as const;
/** A device that speaks OPC-UA is made with its connection. */
const protocolsShown = [...protocols, 'opcua'] as const;

/** A topic filter with `{site}`, `{asset}`, `{username}` or `{external_id}` as a level, or a part of one. */
const Grant = z
  .string()
  .min(1)
  .max(grantLengthMax)
  .refine(isTopicFilter, 'must be a topic filter: # only as the last level, + only as a whole one')
  .refine((grant) => !grant.startsWith('$'), 'topics that begin with $ belong to the server')
  .refine(
    (grant) => !/[{}]/.test(grant.replace(/\{(site|asset|username|external_id)\}/g, '')),
    'has braces that are not around site, asset, username or external_id',
  );

const Grants = z.array(Grant).max(grantsMax);

export const DeviceName = plainText(200);
export const ExternalId = plainText(128);
/** One level of a topic. */
export const AssetName = plainText(128).regex(/^[^+#/]*$/, 'is one level of a topic: without +, # and /');
const Username = text(128).regex(
  /^[^\p{Cc}\s+#/$]{1,128}$/u,
  'has 1 to 128 characters, none of them a space, +, #, / or $',
);
/** MQTT carries at most 65,535 bytes; no more than argon2 is to be busy with. */
const Password = text(256).min(8, 'must have at least 8 characters');
const CertificateName = plainText(64);

/** A device: what it may do, and whether it is connected. Its password is shown once, when it is made or rotated. */
export const RegisteredDevice = z
  .object({
    id: Id,
    name: z.string(),
    username: z.string().describe('Its MQTT user name, unique in the whole installation.'),
    has_password: z.boolean(),
    certificate_cn: z.string().nullable().describe('The common name of the client certificate that it may come with.'),
    site: z.string().nullable().describe('The slug of the site it belongs to.'),
    asset_name: z.string().nullable().describe('The asset that its own telemetry (v1/devices/me/telemetry) is about.'),
    protocol: z.enum(protocolsShown).describe('What it is said to speak; a note that opens and closes nothing.'),
    external_id: z.string().nullable().describe('What it is called elsewhere, such as its serial number.'),
    publish_grants: z.array(z.string()).describe('Topic filters under which it may publish; none means nothing.'),
    subscribe_grants: z
      .array(z.string())
      .describe('Topic filters within which it may subscribe, beside devices/{username}/#.'),
    metadata: keptShape.metadata,
    online: z.boolean().describe('Whether it has a session at a process that is alive.'),
    last_seen_at: Instant.nullable(),
    revoked_at: Instant.nullable(),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Device' });
export type RegisteredDevice = z.infer<typeof RegisteredDevice>;

/** A device and its new password, which nobody can read again. */
export const DeviceWithPassword = RegisteredDevice.extend({
  password: z.string().nullable().describe('Shown this once. Null: it has none.'),
}).meta({ id: 'DeviceWithPassword' });

export const deviceList = listOf({
  name: 'devices',
  id: 'device.id',
  columns: {
    ...timestamps('device'),
    last_seen_at: columns.instant('device.last_seen_at', { isNullable: true }),
    name: columns.text('device.name'),
    username: columns.text('device.username'),
  },
  words: ['device.name', 'device.username', 'device.external_id'],
});

export const DeviceQuery = listQuery(deviceList, {
  site: text(63).optional().describe('The slug of a site.'),
  online: flag().describe('Only those that are connected, or only those that are not.'),
  revoked: flag().describe('Only those that are revoked, or only those that are not.'),
  protocol: z.enum(protocolsShown).optional(),
  external_id: text(128).optional(),
});
export type DeviceFilter = Omit<z.output<typeof DeviceQuery>, ListFields>;

const settable = {
  publish_grants: Grants.optional().describe(
    'Topic filters such as telemetry/{site}/#; {site}, {asset}, {username} and {external_id} stand for those of the device.',
  ),
  subscribe_grants: Grants.optional().describe('Topic filters such as insights/{site}/#.'),
  site: unsettable(text(63)).describe('The slug of its site.'),
  asset_name: unsettable(AssetName).describe('Needs a site.'),
  certificate_cn: unsettable(CertificateName).describe(
    'The common name of the client certificate that it may come with, of this device alone.',
  ),
  protocol: z.enum(protocols).optional().describe('mqtt if absent when it is made.'),
  external_id: unsettable(ExternalId).describe('What it is called elsewhere, such as its serial number.'),
  metadata: kept.metadata,
};

/** What a new device may be given: it may do nothing that is not granted here. */
export const DeviceCreation = z
  .strictObject({
    name: DeviceName,
    username: Username.optional().describe('Made up when absent.'),
    password: Password.nullable()
      .optional()
      .describe('Made up when absent; null for a device with a certificate only.'),
    ...settable,
  })
  .meta({
    id: 'DeviceCreation',
    ...exampleOf({ name: 'PLC of the chiller plant', publish_grants: ['telemetry/ucl-east-campus/#'] }),
  });
export type DeviceCreation = z.output<typeof DeviceCreation>;

/** What may be changed of a device; its sessions end when that touches what it may do, so that it comes back with it. */
export const DeviceChange = z
  .strictObject({ name: DeviceName.optional(), ...settable })
  .meta({ id: 'DeviceChange', ...exampleOf({ name: 'PLC 1', metadata: { cabinet: 'E2' } }) });
export type DeviceChange = z.output<typeof DeviceChange>;

export const Rotation = z
  .strictObject({ password: Password.optional().describe('Made up when absent.') })
  .nullish()
  .meta({ examples: [{}] });

/** How a device is connected, as all processes together see it. */
export const DeviceStatus = z
  .object({
    device_id: Id,
    online: z.boolean(),
    sessions: z.int().describe('How many connections it has.'),
    connected_since: Instant.nullable().describe('Null while it is offline.'),
    last_seen_at: Instant.nullable().describe('To within half a minute or so.'),
    client_id: z.string().nullable().describe('The MQTT client identifier of its latest session.'),
    address: z.string().nullable().describe('The address that it came from then.'),
    connects: z.int().describe('How many sessions it has had.'),
    last_disconnected_at: Instant.nullable(),
    last_disconnect_reason: z.string().nullable().describe('As the reason of an event.'),
  })
  .meta({ id: 'DeviceStatus' });
export type DeviceStatus = z.infer<typeof DeviceStatus>;

const deviceEventTypes = ['device.online', 'device.offline', 'device.session_started', 'device.session_ended'] as const;

/** A start or an end of a connection; online and offline are those of the first and the last. */
export const DeviceEvent = z
  .object({
    id: Id,
    device_id: Id,
    type: z
      .enum(deviceEventTypes)
      .describe(
        'online and offline of its first connection and its last; session_started and session_ended of others.',
      ),
    reason: z
      .string()
      .describe(
        'connected; or why it ended: disconnected, keep_alive (nothing came for too long), taken_over (by its own client identifier), ' +
          'revoked (the device was revoked or given another password, grants or certificate), connection_lost, protocol_violation, ' +
          'shutdown, process_lost.',
      )
      .meta({ example: 'keep_alive' }),
    client_id: z.string(),
    address: z.string().nullable(),
    at: Instant,
  })
  .meta({ id: 'DeviceEvent' });
export type DeviceEvent = z.infer<typeof DeviceEvent>;

export const deviceEventList = listOf({
  name: 'device-events',
  id: 'device_event.id',
  columns: { at: columns.instant('device_event.at') },
  sort: '-at',
});

export const DeviceEventQuery = listQuery(deviceEventList, { type: z.enum(deviceEventTypes).optional() });
