/**
 * The certificate, the key and the CAs of clients, from files that are read again when they change: certificates are
 * renewed every few weeks, and no device should notice. A pair that does not fit, as between the writing of one file and
 * of the other, is not taken; the one before goes on.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Log } from '../../../platform/log.ts';

export type TlsSettings = {
  /** Paths of PEM files: the certificate with its chain, its key, and the CAs whose client certificates are taken. */
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly clientCaFile?: string | undefined;
  /** Whether a client without a certificate is refused; else it needs a password. */
  readonly isCertificateRequired?: boolean;
};

export type TlsFiles = {
  readonly asksForCertificate: boolean;
  readonly isCertificateRequired: boolean;
  current(): SecureContextOptions;
  /** Calls `listener` with what has been read again. */
  onChange(listener: (context: SecureContextOptions) => void): void;
  close(): void;
};

/** Renewals are moved into place by links and mounts, which send no events: so the files are looked at. */
const lookMs = 1_000;

/** Reads the files and keeps looking at them. Rejects, naming the file, when one cannot be read or they do not fit. */
export async function openTlsFiles(settings: TlsSettings, log: Log): Promise<TlsFiles> {
  let contents = await readContents(settings);
  let context = toContext(contents, settings);
  tellOf(contents, log);
  let trouble: string | undefined;
  let looked: string | undefined;
  const listeners: ((context: SecureContextOptions) => void)[] = [];

  const look = async () => {
    const found = await readContents(settings);
    const text = JSON.stringify(found);
    if (text === JSON.stringify(contents)) {
      trouble = undefined;
      return;
    }
    // A file that is being written is not taken before two looks at it agree.
    if (text !== looked) {
      looked = text;
      return;
    }
    context = toContext(found, settings);
    contents = found;
    trouble = undefined;
    for (const listener of listeners) listener(context);
    tellOf(contents, log);
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => {
      const { message } = error as Error;
      if (message !== trouble) log.warn({ err: error }, 'a changed certificate cannot be used; the one before is');
      trouble = message;
    });
  }, lookMs).unref();

  return {
    asksForCertificate: settings.clientCaFile !== undefined,
    isCertificateRequired: settings.clientCaFile !== undefined && settings.isCertificateRequired === true,
    current: () => context,
    onChange: (listener) => {
      listeners.push(listener);
    },
    close: () => clearInterval(timer),
  };
}

type Contents = { readonly cert: string; readonly key: string; readonly ca: string | undefined };

async function readContents({ certificateFile, keyFile, clientCaFile }: TlsSettings): Promise<Contents> {
  const read = async (file: string) => {
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      throw new Error(`${file} cannot be read: ${(cause as Error).message}`, { cause });
    }
  };
  const [cert, key, ca] = await Promise.all([
    read(certificateFile),
    read(keyFile),
    clientCaFile === undefined ? undefined : read(clientCaFile),
  ]);
  return { cert, key, ca };
}

function toContext({ cert, key, ca }: Contents, settings: TlsSettings): SecureContextOptions {
  const { certificateFile, keyFile, clientCaFile } = settings;
  const context: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) };
  parse(certificateFile, cert);
  if (clientCaFile !== undefined) parse(clientCaFile, ca ?? '');
  try {
    createSecureContext(context);
  } catch (cause) {
    const message = (cause as Error).message;
    throw new Error(`${keyFile} is not the PEM key of ${certificateFile}: ${message}`, { cause });
  }
  return context;
}

/** The first certificate of a file. */
function parse(file: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new Error(`${file} holds no PEM certificate: ${(cause as Error).message}`, { cause });
  }
}

function tellOf({ cert }: Contents, log: Log): void {
  const { subject, validToDate } = new X509Certificate(cert);
  const detail = { subject, validTo: validToDate };
  if (validToDate.getTime() > Date.now()) log.info(detail, 'the MQTT doors have a certificate');
  else log.warn(detail, 'the certificate of the MQTT doors has expired, and devices will not trust it');
}
