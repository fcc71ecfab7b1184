/** The certificate of a server, while its connection is being read: rejected until a person trusts it, and again when nobody does. */

import { expect, test } from 'vitest';
import { opcuaCertificateList } from '../src/ingest/opcua/certificates/server-certificate.ts';
import {
  deleteCertificate,
  listCertificates,
  trustCertificate,
} from '../src/ingest/opcua/certificates/server-certificate-store.ts';
import { startTestIngest } from './support/ingest.ts';
import { firstPageOf } from './support/list-request.ts';
import { startOpcuaServer } from './support/opcua-server.ts';
import * as stage from './support/opcua-stage.ts';

test('a connection waits for its certificate to be trusted, reads, and stops when it is trusted no more', async () => {
  const [server, ingest] = await Promise.all([
    startOpcuaServer({ items: 2, hz: 10, securityModes: ['sign_and_encrypt'] }),
    startTestIngest({}, { sealer: stage.sealer }),
  ]);
  try {
    const { database, tenantId } = ingest;
    const { id } = await stage.addConnection(database, tenantId, {
      endpoint_url: server.endpointUrl,
      security: { mode: 'sign_and_encrypt', policy: 'basic256sha256' },
      items: stage.numberedItems(2),
    });
    const state = async () => {
      const status = await stage.statusOf(database, id);
      return [status.state, status.reason];
    };
    const soon = (wanted: unknown[]) => expect.poll(state).toEqual(wanted);
    await soon(['failing', 'certificate_untrusted']);
    const page = firstPageOf(opcuaCertificateList, 10);
    const { rows } = await listCertificates(database.db, tenantId, { filter: { state: 'rejected' }, page });
    expect(rows.map(({ item }) => item.endpoint_url)).toEqual([server.endpointUrl]);
    const certificate = rows[0]?.item.id ?? '';
    await trustCertificate(database.db, certificate, { tenantId, by: tenantId, at: new Date() });
    await soon(['connected', null]);
    const number = await server.lastNumber();
    await expect.poll(() => stage.missingOf(database, id, [number])).toEqual([]);
    await deleteCertificate(database.db, { tenantId, id: certificate });
    await soon(['failing', 'certificate_untrusted']);
  } finally {
    await ingest.close();
    await server.stop();
  }
});
