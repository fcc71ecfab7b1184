import type { Mount, RouteScope } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { askingOf } from './audit/record-access.ts';
import { recordDevice } from './audit/record-device.ts';
import { type CollectionNeeds, nounRoutes } from './collection-routes.ts';
import { readerOf } from './listing.ts';
import { changeDevice, endDevice, getDevice, registerDevice, rotateCredentials } from './register-device.ts';
import {
  DeviceChange,
  DeviceCreation,
  DeviceEvent,
  DeviceEventQuery,
  DeviceQuery,
  DeviceStatus,
  DeviceWithPassword,
  deviceEventList,
  deviceList,
  RegisteredDevice,
  Rotation,
} from './registered-device.ts';
import { findDeviceStatus, listDeviceEvents, listDevices } from './registered-device-store.ts';

const tags = ['Devices'];
const read = { scope: 'devices:read' } as const;
const write = { scope: 'devices:write' } as const;
const devices = 'devices';

/** Devices: list, register, get, change, revoke, delete, new credentials, how they are connected; on every mount. */
export function deviceRoutes(app: RouteScope, mount: Mount, needs: CollectionNeeds): void {
  nounRoutes(app, mount, needs, {
    ...{ path: devices, noun: 'Device', nouns: 'Devices', tag: 'Devices' },
    scopes: { read: 'devices:read', write: 'devices:write' },
    shown: RegisteredDevice,
    list: {
      summary: 'List devices, newest first',
      of: deviceList,
      query: DeviceQuery,
      find: (db, { area }, { filter, page }) => listDevices(db, area, filter, page),
    },
    one: { summary: 'Get one device', get: (db, { area }, id) => getDevice(db, area, id), isAlwaysWhole: true },
    creation: {
      summary: 'Register a device; its password is shown this once',
      body: DeviceCreation,
      secret: DeviceWithPassword,
      add: async (trx, asking, body) => {
        const device = await registerDevice(trx, body, asking);
        await recordDevice(trx, asking, { action: 'device.created', before: null, after: device });
        return device;
      },
    },
    change: {
      summary: 'Change a device; its sessions end when that touches what it may do',
      body: DeviceChange,
      apply: async (trx, asking, { body, ...which }) => {
        const { before, after } = await changeDevice(trx, body, { area: asking.area, at: asking.at, ...which });
        await recordDevice(trx, asking, { action: 'device.changed', before, after });
        return after;
      },
    },
    removal: {
      summary: 'Revoke a device and take it from every list; its user name stays taken',
      remove: async (trx, asking, which) => {
        const before = await endDevice(trx, { area: asking.area, at: asking.at, ...which, isGone: true });
        await recordDevice(trx, asking, { action: 'device.deleted', before, after: null });
      },
    },
  });
  connectionRoutes(app, mount, needs);
  credentialRoutes(app, mount, needs);
}

function connectionRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: CollectionNeeds): void {
  const status = {
    operationId: mount.operationId('getDeviceStatus'),
    summary: 'How a device is connected',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(DeviceStatus) },
  };
  app.get(mount.member(devices, '/status'), { config: read, schema: status }, async (request, reply) => {
    const { area, params } = request;
    await getDevice(db, area, params.id);
    const found = await findDeviceStatus(db, { tenantId: area.caller.tenantId, id: params.id });
    if (!found) throw refusals.deviceNotFound(params.id);
    return shell.send(request, reply, mount.found(found));
  });
  const events = {
    operationId: mount.operationId('listDeviceEvents'),
    summary: "What became of a device's connections, newest first; some thousand are kept, for a month",
    tags,
    params: mount.memberParams,
    querystring: DeviceEventQuery,
    response: { 200: mount.pageOf(DeviceEvent) },
  };
  app.get(mount.member(devices, '/events'), { config: read, schema: events }, async (request, reply) => {
    const { area, params, query } = request;
    await getDevice(db, area, params.id);
    const { page, filter } = paging.list(deviceEventList, query, readerOf(area, params.id));
    const which = { tenantId: area.caller.tenantId, id: params.id, type: filter.type };
    const rows = await listDeviceEvents(db, which, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

function credentialRoutes(app: RouteScope, mount: Mount, { shell }: CollectionNeeds): void {
  const rotation = {
    operationId: mount.operationId('rotateDeviceCredentials'),
    summary: 'Give a device another password, which is shown this once, and end its sessions',
    tags,
    params: mount.memberParams,
    body: Rotation,
    response: { 200: mount.oneOf(DeviceWithPassword) },
  };
  app.post(mount.member(devices, '/rotate-credentials'), { config: write, schema: rotation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, body } = request;
      const at = shell.now();
      const device = await rotateCredentials(trx, body ?? {}, { area, id: params.id, at });
      await recordDevice(trx, askingOf(request, at), { action: 'device.rotated', before: null, after: device });
      return { ...mount.found(device), isSecret: true };
    }),
  );
  const revocation = {
    operationId: mount.operationId('revokeDevice'),
    summary: 'Revoke a device: its sessions end, and it is let in no more',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(RegisteredDevice) },
  };
  app.post(mount.member(devices, '/revoke'), { config: write, schema: revocation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params } = request;
      const at = shell.now();
      const before = await endDevice(trx, { area, id: params.id, ifMatch: undefined, at, isGone: false });
      const after = await getDevice(trx, area, params.id);
      await recordDevice(trx, askingOf(request, at), { action: 'device.revoked', before, after });
      return mount.found(after);
    }),
  );
}
