/** A stream of bytes to a broker, by the scheme of its URL. */
import { readFile } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';

/** Where the certificates are that a TLS connection to the broker needs; PEM files. */
export type TlsFiles = {
  /** Who signed the broker's certificate; absent: who Node trusts. */
  readonly ca: string | undefined;
  /** Our own certificate and its key, where the broker asks for them. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
};

const ports: Record<string, number> = { 'mqtt:': 1883, 'mqtts:': 8883 };
/** No message of MQTT is longer (3.1.1, 2.2.3). What is too large is passed over by the reader of packets. */
const webSocketBytesMax = 268_435_460;

/**
 * Opens mqtt://, mqtts://, ws:// or wss://. The stream connects by itself and emits an error when it cannot; the files are
 * read each time, so that a renewed certificate needs no restart. Rejects when a file cannot be read.
 */
export async function dial(url: URL, files: TlsFiles): Promise<Duplex> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (ports[url.protocol] ?? 0);
  if (url.protocol === 'mqtt:') return connect({ host, port, noDelay: true, keepAlive: true });
  const tls = await readTls(files);
  if (url.protocol === 'mqtts:') {
    // RFC 6066, 3: an address is no server name.
    const stream = connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...tls });
    return stream.setNoDelay(true).setKeepAlive(true);
  }
  const plain = new URL(url.href);
  plain.username = '';
  plain.password = '';
  // [MQTT-6.0.0-3]: the subprotocol is mqtt, and every message is binary.
  const socket = new WebSocket(plain, ['mqtt'], {
    perMessageDeflate: false,
    maxPayload: webSocketBytesMax,
    ...(url.protocol === 'wss:' && tls),
  });
  return createWebSocketStream(socket);
}

async function readTls({ ca, cert, key }: TlsFiles): Promise<{ ca?: Buffer; cert?: Buffer; key?: Buffer }> {
  return {
    ...(ca && { ca: await readFile(ca) }),
    ...(cert && { cert: await readFile(cert) }),
    ...(key && { key: await readFile(key) }),
  };
}
