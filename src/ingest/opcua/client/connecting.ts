/** What an error on the way to a secure channel means: the words of Node, of the library and of servers, made plain. */
import { X509Certificate } from 'node:crypto';
import type { ConnectionSpec, Trouble } from '../connection.ts';
import { answersSomethingElse } from './probe.ts';
import { statusOf, TroubleError, troubleOf } from './trouble.ts';
import type { Application } from './trust.ts';

/** The trouble of a connection that did not come about. May ask at the address what listens there. */
export async function troubleOfConnecting(
  error: unknown,
  spec: ConnectionSpec,
  application: Application,
): Promise<Trouble> {
  if (error instanceof TroubleError) return error.trouble;
  const address = addressOf(spec.endpointUrl);
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, explain] of explanations) {
    if (pattern.test(message)) return explain(address);
  }
  if (statusOf(error) !== null) return withOurName(troubleOf(error), application);
  if (/third party|hadError|aborted|ECONNRESET|Connection Break|Secure Channel Closed/i.test(message)) {
    if (await answersSomethingElse(spec.endpointUrl)) return notOpcua(address);
    return spec.securityMode === 'none' || /hadError/.test(message)
      ? {
          code: 'unreachable',
          detail: `${address} closes every connection at once: the server is starting or stopping, or something in between refuses us.`,
        }
      : withOurName(
          {
            code: 'own_certificate_rejected',
            detail:
              'The server closed the connection while the secure channel was being opened: most often it does not trust the certificate of this program. Trust that certificate at the server. It is tried again until then.',
          },
          application,
        );
  }
  return notOpcua(address);
}

const unreachable =
  (why: (address: string) => string) =>
  (address: string): Trouble => ({ code: 'unreachable', detail: why(address) });

const notOpcua = (address: string): Trouble => ({
  code: 'protocol_error',
  detail: `What answers at ${address} does not speak OPC-UA over TCP. Check the port: OPC-UA's own is 4840.`,
});

const explanations: readonly (readonly [RegExp, (address: string) => Trouble])[] = [
  [
    /ECONNREFUSED|cannot be established/,
    unreachable((address) => `Nothing listens at ${address}: the server is not running, or the port is another.`),
  ],
  [
    /ENOTFOUND|EAI_AGAIN/,
    unreachable((address) => `The host of ${address} has no address: the name is wrong, or the name server silent.`),
  ],
  [
    /EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN/,
    unreachable((address) => `There is no way to ${address}: the network between here and there is down.`),
  ],
  [
    /no answer within|ETIMEDOUT|Timeout\(A\)|socket timeout|Transaction has timed out/,
    unreachable((address) => `${address} does not answer: it is switched off or frozen, or a firewall is in between.`),
  ],
  [
    /Packet Assembler|too small|invalid ACK|failed to decode|BadTcpMessageTooLarge|BadTcpMessageTypeInvalid|BadTcpInternalError/,
    notOpcua,
  ],
  [
    /BadProtocolVersionUnsupported/,
    (address) => ({
      code: 'protocol_error',
      detail: `The server at ${address} speaks another version of the protocol.`,
    }),
  ],
];

/** Whoever is to trust our certificate has to find it. */
function withOurName(trouble: Trouble, application: Application): Trouble {
  if (trouble.code !== 'own_certificate_rejected') return trouble;
  const { fingerprint } = new X509Certificate(application.certificateDer);
  return {
    code: trouble.code,
    detail: `${trouble.detail} Its URI is ${application.applicationUri}, its SHA-1 thumbprint ${fingerprint.replaceAll(':', '').toLowerCase()}.`,
  };
}

function addressOf(endpointUrl: string): string {
  return endpointUrl.replace(/^opc\.tcp:\/\//, '').replace(/[/?].*$/, '');
}
