/** Every security mode, policy and identity, and each way in which a server or a plant says no. */
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionSpec, Trouble } from '../src/ingest/opcua/connection.ts';
import { createOpcuaCertificate, type OpcuaCertificate } from './support/opcua-certificates.ts';
import { type CollectingOptions, numberItems, startCollecting, until } from './support/opcua-collecting.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

const password = 'open sesame';
const encrypted = { securityMode: 'sign_and_encrypt', securityPolicy: 'basic256sha256' } as const;
let server: OpcuaServer;
let expired: OpcuaServer;
let user: OpcuaCertificate;
let stranger: OpcuaCertificate;

beforeAll(async () => {
  [user, stranger] = await Promise.all([createOpcuaCertificate('User'), createOpcuaCertificate('Stranger')]);
  [server, expired] = await Promise.all([
    startOpcuaServer({ items: 3, users: { anna: password }, userCertificates: [user.certificatePem] }),
    startOpcuaServer({
      items: 1,
      certificateDays: -3,
      anonymous: false,
      users: { anna: password },
      securityModes: ['sign_and_encrypt'],
      securityPolicies: ['basic256sha256'],
      trustsClients: false,
    }),
  ]);
});
afterAll(() => Promise.all([server.stop(), expired.stop()]));

describe('values come', () => {
  test.each([
    ['none', 'none'],
    ['sign', 'basic256sha256'],
    ['sign', 'aes128_sha256_rsaoaep'],
    ['sign', 'aes256_sha256_rsapss'],
    ['sign_and_encrypt', 'basic256sha256'],
    ['sign_and_encrypt', 'aes128_sha256_rsaoaep'],
    ['sign_and_encrypt', 'aes256_sha256_rsapss'],
  ] as const)(
    'with %s and %s, as anonymous, as a user, and with a certificate',
    async (securityMode, securityPolicy) => {
      const identities: ConnectionSpec['identity'][] = [
        { kind: 'anonymous' },
        { kind: 'username', username: 'anna', password },
        { kind: 'certificate', certificatePem: user.certificatePem, privateKeyPem: user.privateKeyPem },
      ];
      await Promise.all(
        identities.map((identity) => expectValues({ spec: { securityMode, securityPolicy, identity } })),
      );
    },
  );
});

describe('a server', () => {
  test('that nobody has trusted is not spoken to, and its certificate is shown to people', async () => {
    const rejected: unknown[] = [];
    const trouble = await troubleWith({
      spec: encrypted,
      trusts: () => false,
      rejected: (der, reason) => rejected.push([der.equals(server.certificate), reason]),
    });
    expect(trouble).toEqual({ code: 'certificate_untrusted', detail: expect.stringMatching(/SHA-256 [0-9a-f]{64}/) });
    expect(rejected[0]).toEqual([true, 'certificate_untrusted']);
    expect((await server.counts()).sessions).toBe(0);
  });

  test('whose certificate has expired is refused even where it was trusted', async () => {
    const trouble = await troubleWith({ spec: { ...encrypted, identity: anna(password) } }, expired.endpointUrl);
    expect(trouble).toEqual({ code: 'certificate_expired', detail: expect.stringMatching(/expired on 20/) });
  });

  test.each([
    ['wrong password', () => anna('open says me')],
    ['unknown user', () => ({ ...anna(password), username: 'berta' })],
    ['other certificate', () => ({ kind: 'certificate', ...pick(stranger) }) as const],
  ] as const)('says no to a %s, and no secret is told', async (_, identityOf) => {
    for (const spec of [{}, encrypted]) {
      const trouble = await troubleWith({ spec: { ...spec, identity: identityOf() } });
      expect(trouble).toMatchObject({ code: 'identity_rejected' });
      expect(trouble?.detail).not.toMatch(/open|BEGIN/);
    }
  });

  test('that offers something else says what', async () => {
    expect(await troubleWith({}, expired.endpointUrl)).toEqual({
      code: 'endpoint_not_offered',
      detail: 'The server does not offer none. It offers sign_and_encrypt with basic256sha256.',
    });
    expect(await troubleWith({ spec: encrypted }, expired.endpointUrl)).toEqual({
      code: 'identity_not_offered',
      detail: expect.stringMatching(/It takes username/),
    });
  });

  test('that does not trust this program says so, with what is to be trusted there', async () => {
    await expired.restart({ certificateDays: 5 });
    const trouble = await troubleWith({ spec: { ...encrypted, identity: anna(password) } }, expired.endpointUrl);
    expect(trouble).toEqual({
      code: 'own_certificate_rejected',
      detail: expect.stringMatching(/urn:faultline:test:faultline, its SHA-1 thumbprint [0-9a-f]{40}/),
    });
  });

  test('with a full session table is tried again until it has room', async () => {
    await expired.restart({ sessionsMax: 1, securityModes: ['none'], anonymous: true });
    const first = await startCollecting(expired.endpointUrl, { items: numberItems(1) });
    // A server may give up a session that is not activated yet for another, so the first is waited for.
    await until(() => first.values.length > 0, 'the first reads');
    const second = await startCollecting(expired.endpointUrl, { items: numberItems(1) });
    try {
      await until(() => second.state() === 'failing', 'the second is refused');
      expect(second.trouble()).toEqual({
        code: 'sessions_full',
        detail: expect.stringMatching(/BadTooManySessions/),
      });
      await first.collector.close();
      await until(() => second.values.length > 0, 'it gets its turn', 15_000);
    } finally {
      await Promise.all([first.collector.close(), second.collector.close()]);
    }
  });
});

describe('what is no server', () => {
  test.each([
    ['HTTP', 'protocol_error', /does not speak OPC-UA/, () => createHttpServer((_, response) => response.end('hello'))],
    ['silence', 'unreachable', /does not answer/, () => createServer(() => {})],
    [
      'a door that is shut at once',
      'unreachable',
      /closes every connection/,
      () => createServer((socket) => socket.end()),
    ],
  ] as const)('but %s is told apart', async (_, code, detail, create) => {
    const listener = create().listen(0, '127.0.0.1');
    const { port } = await new Promise<AddressInfo>((resolve) => {
      listener.once('listening', () => resolve(listener.address() as AddressInfo));
    });
    const trouble = await troubleWith({}, `opc.tcp://127.0.0.1:${port}`);
    listener.close();
    expect(trouble).toEqual({ code, detail: expect.stringMatching(detail) });
  });

  test.each([
    ['opc.tcp://127.0.0.1:9', /Nothing listens at 127.0.0.1:9/],
    ['opc.tcp://no-such-host.invalid:4840', /has no address/],
    ['http://127.0.0.1:4840', /begins with opc.tcp/],
  ])('nor anything at %s is said to be so', async (endpointUrl, detail) => {
    expect(await troubleWith({}, endpointUrl)).toEqual({ code: 'unreachable', detail: expect.stringMatching(detail) });
  });
});

const anna = (word: string) => ({ kind: 'username', username: 'anna', password: word }) as const;
const pick = ({ certificatePem, privateKeyPem }: OpcuaCertificate) => ({ certificatePem, privateKeyPem });

async function expectValues(options: CollectingOptions): Promise<void> {
  const collecting = await startCollecting(server.endpointUrl, { items: numberItems(3), ...options });
  try {
    await until(() => collecting.valuesOf(3).length > 1, 'values', 10_000, collecting.trouble);
  } finally {
    await collecting.collector.close();
  }
}

/** The trouble with which a first attempt ends. */
async function troubleWith(options: CollectingOptions, endpointUrl = server.endpointUrl): Promise<Trouble | null> {
  const collecting = await startCollecting(endpointUrl, { items: numberItems(1), ...options });
  try {
    await until(() => collecting.state() === 'failing', 'a trouble');
    expect(collecting.values).toEqual([]);
    return collecting.trouble();
  } finally {
    await collecting.collector.close();
  }
}
