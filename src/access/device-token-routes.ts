import { z } from 'zod';
import { createBans } from '../platform/bans.ts';
import { deleted, type Mount, type RouteScope } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { recordDeviceToken } from './audit/record-device.ts';
import type { DeviceNeeds } from './device-routes.ts';
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
import { readerOf } from './listing.ts';
import { createDeviceToken, endDeviceToken, getDeviceToken, provisionDevice } from './provision-device.ts';

const tags = ['Devices'];
const read = { scope: 'devices:read' } as const;
const write = { scope: 'devices:write' } as const;
const tokens = 'device-tokens';

/** One-time tokens for devices: list, make, get, revoke; on the tenant's mount alone. */
export function deviceTokenRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: DeviceNeeds): void {
  const list = {
    operationId: 'listDeviceTokens',
    summary: 'List one-time tokens of devices, newest first',
    tags,
    querystring: DeviceTokenQuery,
    response: { 200: mount.pageOf(DeviceToken) },
  };
  app.get(mount.list(tokens), { config: read, schema: list }, async (request, reply) => {
    const { caller } = request.area;
    const { page, filter } = paging.list(deviceTokenList, request.query, readerOf(request.area));
    const rows = await listDeviceTokens(db, { caller, at: shell.now() }, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getDeviceToken',
    summary: 'Get one token, without its secret',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(DeviceToken) },
  };
  app.get(mount.member(tokens), { config: read, schema: one }, async (request, reply) => {
    const { area, params } = request;
    return shell.send(request, reply, mount.one(await getDeviceToken(db, { area, id: params.id, at: shell.now() })));
  });
  const creation = {
    operationId: 'createDeviceToken',
    summary: 'Make a token by which a device gets credentials of its own; it is shown this once',
    tags,
    body: DeviceTokenCreation,
    response: { 201: mount.oneOf(DeviceTokenWithSecret) },
  };
  app.post(mount.list(tokens), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const at = shell.now();
      const token = await createDeviceToken(trx, request.body, { area: request.area, at });
      await recordDeviceToken(trx, { request, at }, { action: 'device_token.created', before: null, after: token });
      return { ...mount.created(request, token), isSecret: true };
    }),
  );
  const removal = {
    operationId: 'revokeDeviceToken',
    summary: 'Revoke a token; the devices that came with it stay',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Revoked.' } },
  };
  app.delete(mount.member(tokens), { config: write, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, headers } = request;
      const which = { area, id: params.id, at: shell.now() };
      const before = await endDeviceToken(trx, { ...which, ifMatch: headers['if-match'] });
      const after = await getDeviceToken(trx, which);
      await recordDeviceToken(trx, { request, at: which.at }, { action: 'device_token.revoked', before, after });
      return deleted;
    }),
  );
}

/** Nobody guesses 256 bits; whoever tries is not heard for a while, so that it costs no more than that. */
const guesses = { timesMax: 20, windowMs: 60_000, banMs: 60_000, keysMax: 10_000 };

type Needs = DeviceNeeds & { readonly mqttUrls: readonly string[]; readonly publicUrl: string };

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
