import { z } from 'zod';
import { createBans } from '../platform/bans.ts';
import type { Mount, RouteScope } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { recordDeviceToken } from './audit/record-device.ts';
import { type CollectionNeeds, nounRoutes } from './collection-routes.ts';
import {
  DeviceToken,
  DeviceTokenCreation,
  DeviceTokenQuery,
  DeviceTokenWithSecret,
  deviceTokenList,
  ProvisionedDevice,
  Provisioning,
} from './device-token.ts';
import { listDeviceTokens } from './device-token-store.ts';
import { readIdempotencyKey } from './idempotency.ts';
import { createDeviceToken, endDeviceToken, getDeviceToken, provisionDevice } from './provision-device.ts';

/** One-time tokens for devices: list, make, get, revoke; on the tenant's mount alone. */
export function deviceTokenRoutes(app: RouteScope, mount: Mount, needs: CollectionNeeds): void {
  nounRoutes(app, mount, needs, {
    ...{ path: 'device-tokens', noun: 'DeviceToken', nouns: 'DeviceTokens', tag: 'Devices' },
    scopes: { read: 'devices:read', write: 'devices:write' },
    shown: DeviceToken,
    list: {
      summary: 'List one-time tokens of devices, newest first',
      of: deviceTokenList,
      query: DeviceTokenQuery,
      find: (db, asking, { filter, page }) => listDeviceTokens(db, asking, filter, page),
    },
    one: {
      summary: 'Get one token, without its secret',
      get: (db, { area, at }, id) => getDeviceToken(db, { area, id, at }),
    },
    creation: {
      summary: 'Make a token by which a device gets credentials of its own; it is shown this once',
      body: DeviceTokenCreation,
      secret: DeviceTokenWithSecret,
      add: async (trx, asking, body) => {
        const token = await createDeviceToken(trx, body, asking);
        await recordDeviceToken(trx, asking, { action: 'device_token.created', before: null, after: token });
        return token;
      },
    },
    removal: {
      verb: 'revoke',
      summary: 'Revoke a token; the devices that came with it stay',
      description: 'Revoked.',
      remove: async (trx, asking, { id, ifMatch }) => {
        const which = { area: asking.area, id, at: asking.at };
        const before = await endDeviceToken(trx, { ...which, ifMatch });
        const after = await getDeviceToken(trx, which);
        await recordDeviceToken(trx, asking, { action: 'device_token.revoked', before, after });
      },
    },
  });
}

/** Nobody guesses 256 bits; whoever tries is not heard for a while, so that it costs no more than that. */
const guesses = { timesMax: 20, windowMs: 60_000, banMs: 60_000, keysMax: 10_000 };

type Needs = CollectionNeeds & { readonly mqttUrls: readonly string[]; readonly publicUrl: string };

/** The exchange of a token for credentials, which needs no API key: the token is the key. */
export function provisioningRoute(app: RouteScope, { db, shell, mqttUrls, publicUrl }: Needs): void {
  const bans = createBans(guesses);
  const schema = {
    operationId: 'provisionDevice',
    summary: 'Exchange a one-time token for the credentials of a new device',
    description:
      'Needs no API key. A token is used once (or as often as it says), and a second exchange is refused. With an ' +
      'Idempotency-Key, a retry within ten minutes gets the same device with another password, as long as that device has ' +
      'never connected.',
    tags: ['Devices'],
    security: [],
    body: Provisioning,
    response: { 201: z.object({ data: ProvisionedDevice }) },
  };
  app.post('/devices/provision', { config: { isOpen: true }, schema }, async (request, reply) => {
    if (bans.isBanned(request.ip, performance.now())) throw refusals.tooManyRequests(guesses.banMs);
    const idempotencyKey = readIdempotencyKey(request.headers['idempotency-key']);
    const exchange = { idempotencyKey, mqttUrls, address: request.ip, requestId: request.id, at: shell.now() };
    try {
      const { device, isRetry } = await db.transaction().execute((trx) => provisionDevice(trx, request.body, exchange));
      const replayed = isRetry ? { 'idempotent-replayed': 'true' } : {};
      const headers = { location: `${publicUrl}/api/v1/devices/${device.device_id}`, ...replayed };
      return shell.send(request, reply, { status: 201, headers, body: { data: device } });
    } catch (error) {
      if ((error as { code?: string }).code === 'device_token_invalid') bans.note(request.ip, performance.now());
      throw error;
    }
  });
}
