/** Who we are to a server, between what was given, what is stored, and what a client needs. */

import type { Sealer } from '../../../platform/sealer.ts';
import type { Identity } from '../connection.ts';
import { fingerprintOf } from '../fingerprint.ts';
import type { ConnectionColumns } from './connection-store.ts';
import { certificateIn, type OpcuaConnectionBody } from './opcua-connection.ts';

type IdentityColumns = Pick<ConnectionColumns, 'identity' | 'username' | 'secret_sealed' | 'certificate_fingerprint'>;

/** The columns of an identity, its secret sealed for the connection with this id. */
export function sealIdentity(
  given: OpcuaConnectionBody['identity'],
  { sealer, id }: { sealer: Sealer; id: string },
): IdentityColumns {
  const none = { identity: given.kind, username: null, secret_sealed: null, certificate_fingerprint: null };
  switch (given.kind) {
    case 'anonymous':
      return none;
    case 'username':
      return { ...none, username: given.username, secret_sealed: sealer.seal(given.password, placeOf(id)) };
    case 'certificate': {
      const { kind: _, ...secret } = givenIdentity(given);
      const certificate = certificateIn(given.certificate);
      const fingerprint = certificate ? fingerprintOf(certificate) : null;
      return {
        ...none,
        secret_sealed: sealer.seal(JSON.stringify(secret), placeOf(id)),
        certificate_fingerprint: fingerprint,
      };
    }
  }
}

/** An identity as it is given, in the words of a client. */
export function givenIdentity(given: OpcuaConnectionBody['identity']): Identity {
  if (given.kind !== 'certificate') return given;
  return { kind: 'certificate', certificatePem: given.certificate, privateKeyPem: given.private_key };
}

/** The identity of a stored connection; throws an error that names SECRET where that is another than when it was stored. */
export function openIdentity(
  { id, identity, username, secret_sealed }: { readonly id: string } & Omit<IdentityColumns, 'certificate_fingerprint'>,
  sealer: Sealer,
): Identity {
  const secret = () => sealer.open(secret_sealed ?? Buffer.alloc(0), placeOf(id));
  switch (identity) {
    case 'anonymous':
      return { kind: 'anonymous' };
    case 'username':
      return { kind: 'username', username: username ?? '', password: secret() };
    case 'certificate':
      return { kind: 'certificate', ...(JSON.parse(secret()) as { certificatePem: string; privateKeyPem: string }) };
  }
}

function placeOf(id: string): string {
  return `opcua_connection ${id} identity`;
}
