/** Sessions at a server: made anew, or taken over from the channel, or even the program, that had them before. */
import { X509Certificate } from 'node:crypto';
import { type ClientSession, coerceNodeId, type OPCUAClient, type UserIdentityInfo } from 'node-opcua-client';
import type { Identity } from '../connection.ts';
import { tokenTypeOf } from './security.ts';
import { TroubleError, troubleOf } from './trouble.ts';

/** What is needed to take a session over. Its token is a secret: whoever has it is this program to the server. */
export type KeptSession = {
  readonly sessionId: string;
  readonly authenticationToken: string;
  /** Base64: what the next activation is signed against. */
  readonly serverNonce: string;
  readonly serverCertificate: string;
  readonly timeoutMs: number;
};

/** The fields of a session that the library sets, and that its types hide. */
type SessionFields = {
  sessionId: unknown;
  authenticationToken: unknown;
  serverNonce?: Buffer | undefined;
  serverCertificate?: Buffer | null;
  timeout: number;
  recursive_repair_detector: number;
  close: unknown;
};

/** A new session, activated. Throws a TroubleError. */
export async function createSession(client: OPCUAClient, identity: Identity): Promise<ClientSession> {
  try {
    return withoutRepair(await client.createSession(identityInfoOf(identity)));
  } catch (error) {
    throw new TroubleError(troubleOfLogin(error, identity), { cause: error });
  }
}

/**
 * Takes over a session through a new channel (OPC 10000-4, 5.7.3): ActivateSession alone, without CreateSession before
 * it. The library does so only for sessions of its own objects, so its making of one is answered from what was kept.
 * Throws where the server knows the session no more, or refuses.
 */
export async function takeOverSession(
  client: OPCUAClient,
  kept: KeptSession,
  identity: Identity,
): Promise<ClientSession> {
  const inside = client as unknown as { __createSession_step2: unknown };
  inside.__createSession_step2 = (session: SessionFields, callback: (error: null, session: SessionFields) => void) => {
    session.sessionId = coerceNodeId(kept.sessionId);
    session.authenticationToken = coerceNodeId(kept.authenticationToken);
    session.serverNonce = kept.serverNonce === '' ? undefined : Buffer.from(kept.serverNonce, 'base64');
    session.serverCertificate = kept.serverCertificate === '' ? null : Buffer.from(kept.serverCertificate, 'base64');
    session.timeout = kept.timeoutMs;
    // A refused activation makes the library close the session, and with it the subscriptions that may still be saved.
    session.close = (done?: unknown) => (typeof done === 'function' ? done() : Promise.resolve());
    callback(null, session);
  };
  try {
    const session = await client.createSession(identityInfoOf(identity));
    delete (session as unknown as { close?: unknown }).close;
    return withoutRepair(session);
  } finally {
    delete inside.__createSession_step2;
  }
}

/** What a later takeOverSession needs. */
export function keepSession(session: ClientSession): KeptSession {
  const fields = session as unknown as SessionFields;
  return {
    sessionId: String(fields.sessionId),
    authenticationToken: String(fields.authenticationToken),
    serverNonce: fields.serverNonce?.toString('base64') ?? '',
    serverCertificate: fields.serverCertificate?.toString('base64') ?? '',
    timeoutMs: fields.timeout,
  };
}

/** Where a request meets a session that is gone, the library makes another one behind our back: we do that ourselves. */
function withoutRepair(session: ClientSession): ClientSession {
  (session as unknown as SessionFields).recursive_repair_detector = 1;
  return session;
}

function identityInfoOf(identity: Identity): UserIdentityInfo {
  switch (identity.kind) {
    case 'anonymous':
      return { type: tokenTypeOf.anonymous } as UserIdentityInfo;
    case 'username':
      return {
        type: tokenTypeOf.username,
        userName: identity.username,
        password: identity.password,
      } as UserIdentityInfo;
    case 'certificate':
      return {
        type: tokenTypeOf.certificate,
        certificateData: userCertificateOf(identity.certificatePem),
        privateKey: identity.privateKeyPem,
      } as UserIdentityInfo;
  }
}

function userCertificateOf(pem: string): Buffer {
  try {
    return new X509Certificate(pem).raw;
  } catch (cause) {
    throw new TroubleError(
      { code: 'identity_rejected', detail: "The user's certificate cannot be read: it must be X.509 in PEM form." },
      { cause },
    );
  }
}

/** Many servers answer a wrong password with BadUserAccessDenied, which elsewhere means a right that is missing. */
function troubleOfLogin(error: unknown, identity: Identity) {
  const trouble = troubleOf(error);
  if (trouble.code !== 'access_denied' || identity.kind === 'anonymous') return trouble;
  return troubleOf(new Error('BadIdentityTokenRejected'));
}
