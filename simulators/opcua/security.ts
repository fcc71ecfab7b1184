/** What the simulated server shows and asks of clients: its own certificate, in a folder, and users with passwords. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { MessageSecurityMode, OPCUACertificateManager, type OPCUAServerOptions, SecurityPolicy } from 'node-opcua';

export type SecurityOptions = {
  /** Where the server's certificate is, and those of clients. Made when it is not there. */
  readonly folder: string;
  /** Passwords by user name. */
  readonly users: ReadonlyMap<string, string>;
  readonly allowsAnonymous: boolean;
  /** Also endpoints without signature and encryption. */
  readonly allowsNone: boolean;
  /** Refuses clients whose certificate does not lie in trusted/certs of the folder; what it refuses lies in rejected. */
  readonly onlyTrustedClients: boolean;
};

const years = 5;

/** Makes the certificate if there is none, and rejects when the folder cannot be written. */
export async function secure(options: SecurityOptions, applicationUri: string): Promise<OPCUAServerOptions> {
  const { folder, users } = options;
  const serverCertificateManager = new OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: !options.onlyTrustedClients,
  });
  await serverCertificateManager.initialize();
  const certificateFile = join(folder, 'certificate.pem');
  if (!existsSync(certificateFile)) {
    await serverCertificateManager.createSelfSignedCertificate({
      applicationUri,
      subject: 'CN=Chilled water simulator/O=Faultline',
      dns: ['localhost', hostname()],
      ip: ['127.0.0.1'],
      startDate: new Date(Date.now() - 86_400_000),
      validity: years * 365,
      outputFile: certificateFile,
    });
  }
  const { None, Sign, SignAndEncrypt } = MessageSecurityMode;
  const { Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss } = SecurityPolicy;
  return {
    serverCertificateManager,
    // Without one of its own the library makes a folder in the home of whoever runs it.
    userCertificateManager: new OPCUACertificateManager({ rootFolder: join(folder, 'users') }),
    certificateFile,
    privateKeyFile: serverCertificateManager.privateKey,
    allowAnonymous: options.allowsAnonymous,
    securityModes: [...(options.allowsNone ? [None] : []), Sign, SignAndEncrypt],
    securityPolicies: [
      ...(options.allowsNone ? [SecurityPolicy.None] : []),
      Basic256Sha256,
      Aes128_Sha256_RsaOaep,
      Aes256_Sha256_RsaPss,
    ],
    userManager: {
      isValidUser: (name: string, password: string) => users.has(name) && users.get(name) === password,
    },
  };
}
