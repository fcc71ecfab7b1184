import { callerIdOf, requireTenant } from '../../../access/api-key.ts';
import { readerOf } from '../../../access/listing.ts';
import type { Db } from '../../../platform/database.ts';
import { requireMatch } from '../../../platform/etag.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { deleted, type Mount, type RouteScope, type Shell, sendWhole } from '../../../platform/mount.ts';
import type { Paging } from '../../../platform/paging.ts';
import { refusals } from '../../../platform/refusals.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { loadCertificate } from './application.ts';
import {
  OpcuaApplication,
  OpcuaCertificate,
  OpcuaCertificateBody,
  OpcuaCertificateQuery,
  opcuaCertificateList,
  readCertificate,
} from './server-certificate.ts';
import {
  deleteCertificate,
  findCertificate,
  insertTrustedCertificate,
  listCertificates,
  lockCertificate,
  trustCertificate,
} from './server-certificate-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell; readonly sealer: Sealer };

const tags = ['OPC-UA'];
const read = { scope: 'opcua:read' } as const;
const write = { scope: 'opcua:write' } as const;
const collection = 'opcua-certificates';

/** Certificates of OPC-UA servers: which were seen, which are trusted; and our own. */
export function certificateRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readRoutes(app, mount, needs);
  decisionRoutes(app, mount, needs);
  applicationRoute(app, mount, needs);
}

function readRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: 'listOpcuaCertificates',
    summary: 'List certificates that OPC-UA servers have shown or that are trusted, newest first',
    tags,
    querystring: OpcuaCertificateQuery,
    response: { 200: mount.pageOf(OpcuaCertificate) },
  };
  app.get(mount.list(collection), { config: read, schema: list }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    const { page, filter } = paging.list(opcuaCertificateList, request.query, readerOf(request.area));
    const rows = await listCertificates(db, tenantId, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getOpcuaCertificate',
    summary: 'Get one certificate of an OPC-UA server',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(OpcuaCertificate) },
  };
  app.get(mount.member(collection), { config: read, schema: one }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    return sendWhole(shell, { request, reply }, mount.one(await getCertificate(db, which)));
  });
}

function decisionRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const addition = {
    operationId: 'addOpcuaCertificate',
    summary: 'Trust the certificate of a server before it is seen',
    tags,
    body: OpcuaCertificateBody,
    response: { 201: mount.oneOf(OpcuaCertificate) },
  };
  app.post(mount.list(collection), { config: write, schema: addition }, async (request, reply) => {
    const { caller } = request.area;
    const tenantId = requireTenant(caller);
    const certificate = readCertificate(request.body.certificate);
    if (!certificate) throw refusals.invalidBody('/certificate', 'invalid', 'must be one X.509 certificate in PEM');
    return shell.transact(request, reply, async (trx) => {
      const decision = { tenantId, by: callerIdOf(caller), at: shell.now() };
      const id = await insertTrustedCertificate(trx, certificate, decision);
      return mount.created(request, await getCertificate(trx, { tenantId, id }));
    });
  });
  const trust = {
    operationId: 'trustOpcuaCertificate',
    summary: 'Trust a certificate that a server has shown, once its fingerprint was compared',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(OpcuaCertificate) },
  };
  app.post(mount.member(collection, '/trust'), { config: write, schema: trust }, async (request, reply) => {
    const { caller } = request.area;
    const which = { tenantId: requireTenant(caller), id: request.params.id };
    return shell.transact(request, reply, async (trx) => {
      const isThere = await trustCertificate(trx, which.id, { ...which, by: callerIdOf(caller), at: shell.now() });
      if (!isThere) throw refusals.opcuaCertificateNotFound(which.id);
      return mount.one(await getCertificate(trx, which));
    });
  });
  const removal = {
    operationId: 'deleteOpcuaCertificate',
    summary: 'Forget a certificate; what was trusted is not any more, and connections that use it are made anew',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member(collection), { config: write, schema: removal }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    return shell.transact(request, reply, async (trx) => {
      const updatedAt = await lockCertificate(trx, which);
      if (!updatedAt) throw refusals.opcuaCertificateNotFound(which.id);
      requireMatch(request.headers['if-match'], updatedAt);
      await deleteCertificate(trx, which);
      return deleted;
    });
  });
}

function applicationRoute(app: RouteScope, mount: Mount, { db, shell, sealer }: Needs): void {
  const schema = {
    operationId: 'getOpcuaApplication',
    summary: "Get this program's own certificate, which servers have to trust",
    tags,
    response: { 200: mount.oneOf(OpcuaApplication) },
  };
  app.get('/opcua-application', { config: read, schema }, async (request, reply) => {
    requireTenant(request.area.caller);
    const { certificateDer, applicationUri } = await loadCertificate(db, sealer);
    const certificate = readCertificate(certificateDer);
    if (!certificate) throw new Error('our own certificate cannot be read');
    const { fingerprint, validTo, pem } = certificate;
    const found = { application_uri: applicationUri, fingerprint, certificate: pem, valid_to: formatInstant(validTo) };
    return shell.send(request, reply, mount.found(found satisfies OpcuaApplication));
  });
}

async function getCertificate(db: Db, which: { tenantId: string; id: string }): Promise<OpcuaCertificate> {
  const found = await findCertificate(db, which);
  if (!found) throw refusals.opcuaCertificateNotFound(which.id);
  return found;
}
