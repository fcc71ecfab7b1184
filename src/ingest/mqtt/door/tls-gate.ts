/** From a TCP connection to a TLS one, with what its client certificate tells. */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, type TLSSocket } from 'node:tls';
import type { NoteRefusal } from './refusals.ts';
import type { TlsFiles } from './tls-files.ts';
import type { Visitor } from './visitor.ts';

export type TlsGate = {
  /** Shakes hands; calls `next` when that has come to an end, and ends the connection when to no good one. */
  pass(socket: Socket, visitor: Visitor, next: (wire: Duplex, visitor: Visitor) => void): void;
  close(): void;
};

type Passing = { readonly visitor: Visitor; readonly next: (wire: Duplex, visitor: Visitor) => void };

/** A gate with the certificate of `files`, as it is at each handshake. */
export function createTlsGate(files: TlsFiles, noteRefusal: NoteRefusal): TlsGate {
  const passing = new WeakMap<object, Passing>();
  // It listens nowhere: connections come in by its event.
  const server = createServer({
    ...files.current(),
    requestCert: files.asksForCertificate,
    // Without a certificate at all; one that cannot be verified is refused below in either case.
    rejectUnauthorized: files.isCertificateRequired,
    // A resumed session would not ask again whether the certificate is still to be trusted.
    ...(files.asksForCertificate && { secureOptions: constants.SSL_OP_NO_TICKET }),
  });
  files.onChange((context) => server.setSecureContext(context));
  const find = (secured: TLSSocket) => passing.get(underlying(secured) ?? secured);

  server.on('secureConnection', (secured) => {
    secured.on('error', () => secured.destroy());
    const found = find(secured);
    if (!found) return secured.destroy();
    const { visitor, next } = found;
    const subject = files.asksForCertificate ? secured.getPeerCertificate().subject : undefined;
    const isTrusted = !subject || (secured.authorized && typeof subject.CN === 'string' && subject.CN !== '');
    if (!isTrusted) {
      const error = secured.authorized ? 'a certificate needs one common name' : String(secured.authorizationError);
      noteRefusal('certificate_not_verified', { address: visitor.remoteAddress, door: visitor.door, error });
      secured.destroy();
      return;
    }
    visitor.certificateCn = subject && String(subject.CN);
    secured.allowHalfOpen = true;
    next(secured, visitor);
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, secured) => {
    const found = find(secured);
    secured.destroy();
    if (!found) return;
    const { remoteAddress: address, door } = found.visitor;
    const untrusted = secured.authorizationError;
    if (untrusted) noteRefusal('certificate_not_verified', { address, door, error: String(untrusted) });
    // Whoever only looks whether the port is open, and goes, has done nothing wrong.
    else if (error.code !== 'ECONNRESET')
      noteRefusal('tls_handshake', { address, door, error: error.code ?? error.message });
  });
  return {
    pass: (socket, visitor, next) => {
      passing.set(socket, { visitor, next });
      // Whoever ends in the middle of the handshake has gone.
      socket.allowHalfOpen = false;
      server.emit('connection', socket);
    },
    close: () => {
      server.close();
    },
  };
}

/** Node keeps the socket below a TLS socket there, and tells it nowhere else. */
function underlying(secured: TLSSocket): object | undefined {
  return (secured as unknown as { readonly _parent?: object })._parent;
}
