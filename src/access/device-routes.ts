import type { Db } from '../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell, sendWhole } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { recordDevice } from './audit/record-device.ts';
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

export type DeviceNeeds = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Devices'];
const read = { scope: 'devices:read' } as const;
const write = { scope: 'devices:write' } as const;
const devices = 'devices';

/** Devices: list, register, get, change, revoke, delete, new credentials, how they are connected; on every mount. */
export function deviceRoutes(app: RouteScope, mount: Mount, needs: DeviceNeeds): void {
  readingRoutes(app, mount, needs);
  connectionRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
  credentialRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: DeviceNeeds): void {
  const list = {
    operationId: mount.operationId('listDevices'),
    summary: 'List devices, newest first',
    tags,
    params: mount.listParams,
    querystring: DeviceQuery,
    response: { 200: mount.pageOf(RegisteredDevice) },
  };
  app.get(mount.list(devices), { config: read, schema: list }, async (request, reply) => {
    const { area, query } = request;
    const { page, filter } = paging.list(deviceList, query, readerOf(area));
    const rows = await listDevices(db, area, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getDevice'),
    summary: 'Get one device',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(RegisteredDevice) },
  };
  app.get(mount.member(devices), { config: read, schema: one }, async (request, reply) => {
    const device = await getDevice(db, request.area, request.params.id);
    return sendWhole(shell, { request, reply }, mount.one(device));
  });
}

function connectionRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: DeviceNeeds): void {
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

function writingRoutes(app: RouteScope, mount: Mount, { shell }: DeviceNeeds): void {
  const creation = {
    operationId: mount.operationId('createDevice'),
    summary: 'Register a device; its password is shown this once',
    tags,
    params: mount.listParams,
    body: DeviceCreation,
    response: { 201: mount.oneOf(DeviceWithPassword) },
  };
  app.post(mount.list(devices), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const at = shell.now();
      const device = await registerDevice(trx, request.body, { area: request.area, at });
      await recordDevice(trx, { request, at }, { action: 'device.created', before: null, after: device });
      return { ...mount.created(request, device), isSecret: true };
    }),
  );
  const change = {
    operationId: mount.operationId('changeDevice'),
    summary: 'Change a device; its sessions end when that touches what it may do',
    tags,
    params: mount.memberParams,
    body: DeviceChange,
    response: { 200: mount.oneOf(RegisteredDevice) },
  };
  app.patch(mount.member(devices), { config: write, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, headers, body } = request;
      const which = { area, id: params.id, ifMatch: headers['if-match'], at: shell.now() };
      const { before, after } = await changeDevice(trx, body, which);
      await recordDevice(trx, { request, at: which.at }, { action: 'device.changed', before, after });
      return mount.one(after);
    }),
  );
  const removal = {
    operationId: mount.operationId('deleteDevice'),
    summary: 'Revoke a device and take it from every list; its user name stays taken',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member(devices), { config: write, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, headers } = request;
      const at = shell.now();
      const before = await endDevice(trx, { area, id: params.id, ifMatch: headers['if-match'], at, isGone: true });
      await recordDevice(trx, { request, at }, { action: 'device.deleted', before, after: null });
      return deleted;
    }),
  );
}

function credentialRoutes(app: RouteScope, mount: Mount, { shell }: DeviceNeeds): void {
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
      await recordDevice(trx, { request, at }, { action: 'device.rotated', before: null, after: device });
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
      await recordDevice(trx, { request, at }, { action: 'device.revoked', before, after });
      return mount.found(after);
    }),
  );
}
